# SPDX-License-Identifier: BSD-2-Clause
"""Runs under the systemd of boot.sh: installs as docs/administrator.md says, starts the units, asks each daemon
something, stops them, and leaves what it saw in /mnt/seen.json."""

import hashlib
import json
import os
import pathlib
import socket
import subprocess
import time

DAEMONS = ("authd", "lmtpd", "imapd", "pop3d", "sieved", "milterd", "scand")
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD" + b"-ANTIVIRUS-TEST-FILE!$H+H*"
CONF = """\
hostname = mail.example.org
[lmtpd]
listen = unix:mta/lmtp?mode=0666
[authd]
listen = unix:mta/auth?mode=0666
listen_map = unix:mta/map?mode=0666
[imapd]
listen = 127.0.0.1:143
listen_tls =
[pop3d]
listen = 127.0.0.1:110
listen_tls =
[sieved]
listen = 127.0.0.1:4190
[milterd]
listen = unix:mta/milter?mode=0666
[scand]
database = /var/lib/signatures
"""


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def units(action):
    run("systemctl", action, *(f"mailstead-{d}" for d in DAEMONS))


def states(*properties):
    out = {}
    for d in DAEMONS:
        lines = run("systemctl", "show", f"mailstead-{d}", *(f"--property={p}" for p in properties))
        out[d] = dict(line.split("=", 1) for line in lines.splitlines())
    return out


def ask(address, question=b""):
    """The first that comes back."""
    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as s:
        s.settimeout(20)
        s.connect(address)
        if question:
            s.sendall(question)
        return s.recv(1000).decode("latin-1")


def packet(data):
    return len(data).to_bytes(4, "big") + data


def netstring(data):
    return str(len(data)).encode() + b":" + data + b","


def install(places):
    signatures = pathlib.Path("/var/lib/signatures")
    signatures.mkdir(mode=0o755)
    (signatures / "own.hdb").write_text(f"{hashlib.md5(EICAR).hexdigest()}:{len(EICAR)}:Test.Eicar\n")
    conf = pathlib.Path(places["sysconfdir"]) / "mailstead" / "mailstead.conf"
    conf.parent.mkdir(parents=True, exist_ok=True)
    conf.write_text(CONF)
    run("systemd-sysusers")
    run("systemd-tmpfiles", "--create")
    run("mailstead", "setup", "--domain", "example.org")
    run("mailstead", "account", "add", "ann@example.org", "--stdin", input="secret-pass\n")
    run("systemctl", "daemon-reload")


def wait_for_scanners(seconds=30):
    """scand is ready before its databases are."""
    end = time.monotonic() + seconds
    while "event=database_loaded" not in journal("scand") and time.monotonic() < end:
        time.sleep(0.1)


def journal(daemon):
    run("journalctl", "--sync")
    return run("journalctl", "--no-pager", "--unit", f"mailstead-{daemon}")


def talk(sockets):
    stream = b"zINSTREAM\0" + packet(EICAR) + packet(b"")
    lmtp = ask(f"{sockets}/mta/lmtp")
    wait_for_scanners()
    return {
        "authd": ask(f"{sockets}/mta/map", netstring(b"mailboxes ann@example.org")),
        "lmtpd": lmtp,
        "imapd": ask(("127.0.0.1", 143)),
        "pop3d": ask(("127.0.0.1", 110)),
        "sieved": ask(("127.0.0.1", 4190)),
        "milterd": ask(f"{sockets}/mta/milter", packet(b"O\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"))[4:5],
        "scand": ask(f"{sockets}/scand", stream),
    }


def main():
    places = json.loads(pathlib.Path("/mnt/places.json").read_text())
    seen = {}
    try:
        install(places)
        units("start")
        seen["said"] = talk(places["rundir"])
        units("reload")
        seen["running"] = states("ActiveState", "NRestarts", "User")
        seen["journal"] = {d: journal(d) for d in DAEMONS}
        units("stop")
        seen["stopped"] = states("ActiveState", "Result")
    except subprocess.CalledProcessError as e:
        seen["failed"] = f"{e}: {e.stdout}{e.stderr}{run('journalctl', '--no-pager', '--lines=60')}"
    except OSError as e:
        seen["failed"] = str(e)
    done = pathlib.Path("/mnt/seen.new")
    done.write_text(json.dumps(seen))
    os.rename(done, "/mnt/seen.json")


main()
