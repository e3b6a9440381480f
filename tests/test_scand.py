# SPDX-License-Identifier: BSD-2-Clause
"""scand by conversation, with databases made here, and clamdscan at work."""

import base64
import contextlib
import gzip
import hashlib
import io
import lzma
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import zipfile

import pytest

from conftest import BUILD, accepts, wait_for

PROGRAM = BUILD / "milterd" / "scand" / "scand"
pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="built without libclamav")

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD" + b"-ANTIVIRUS-TEST-FILE!$H+H*"
PATTERN = b"MAILSTEAD-TEST-EVIL-PATTERN-0123456789"
OTHER = b"MAILSTEAD-TEST-NEW-PATTERN-0123456789"


def ndb(name, pattern):
    return f"{name}:0:*:{pattern.hex()}\n"


def hdb(name, data):
    return f"{hashlib.md5(data).hexdigest()}:{len(data)}:{name}\n"


def hsb(name, data):
    return f"{hashlib.sha256(data).hexdigest()}:{len(data)}:{name}:73\n"


def zipped(data, name="a.bin"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(name, data)
    return out.getvalue()


def mime(data, name="a.bin", fill=""):
    text = base64.encodebytes(data).decode()
    return (f"From: a@example.org\r\nTo: b@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
            f"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello {fill}\r\n--b\r\n"
            f"Content-Type: application/octet-stream; name={name}\r\n"
            f"Content-Transfer-Encoding: base64\r\n\r\n{text}--b--\r\n").encode()


def chunks(data, size=65536):
    parts = [data[i:i + size] for i in range(0, len(data), size)]
    return b"".join(struct.pack(">I", len(p)) + p for p in parts) + b"\0\0\0\0"


class Client:
    def __init__(self, path, timeout=20):
        if isinstance(path, int):
            self.sock = socket.create_connection(("127.0.0.1", path), timeout)
        else:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(timeout)
            self.sock.connect(str(path))
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def answer(self, end=b"\0"):
        while end not in self.rest:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError(self.rest)
            self.rest += data
        line, _, self.rest = self.rest.partition(end)
        return line.decode()

    def closed(self):
        try:
            return self.rest == b"" and self.sock.recv(1) == b""
        except ConnectionResetError:
            return True


class Scand:
    """A scand of its own, in a folder of its own."""

    def __init__(self, **settings):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sc.", dir="/tmp"))
        self.dir.chmod(0o755)
        self.run_dir, self.database, self.temp = (self.dir / n for n in ("run", "db", "tmp"))
        for path in (self.run_dir, self.database, self.temp):
            path.mkdir()
            path.chmod(0o755)
            if os.getuid() == 0:
                shutil.chown(path, "nobody")
        self.socket = self.run_dir / "scand"
        self.settings = {"database": self.database, "temp_dir": self.temp, "scanners": 2,
                         "settle_time": 1, "scanner_memory": "256M"} | settings
        self.process = None
        self.wrapper, self.user = [], "nobody"
        self.write("own.ndb", ndb("Test.Pattern", PATTERN))
        self.write("own.hdb", hdb("Test.Eicar", EICAR))
        self.write("own.hsb", hsb("Test.Sha", b"sha pattern of a whole file"))

    def write(self, name, text):
        """Whole or not at all, as freshclam does."""
        part = self.dir / "part"
        part.write_text(text)
        part.chmod(0o644)
        part.rename(self.database / name)

    def start(self, ready=True):
        conf = self.dir / "mailstead.conf"
        listen = self.settings.pop("listen", "unix:scand?mode=0666")
        conf.write_text("\n".join(
            [f"data_dir = {self.dir}", f"run_dir = {self.run_dir}", f"user = {self.user}",
             "log_level = debug", "[scand]", f"listen = {listen}"]
            + [f"{key} = {value}" for key, value in self.settings.items()]) + "\n")
        self.log_file = open(self.dir / "log", "ab")
        self.process = subprocess.Popen([*self.wrapper, PROGRAM, "-c", conf],
                                        stdin=subprocess.DEVNULL,
                                        stdout=self.log_file, stderr=self.log_file)
        wait_for(lambda: self.process.poll() is not None or accepts(self.run_dir / "scand.ctl"))
        assert self.process.poll() is None, self.log()
        if ready:
            wait_for(self.ready, 60)
        return self

    def stop(self):
        if self.process:
            self.process.terminate()
            assert self.process.wait(30) == 0, self.log()
            self.log_file.close()
            self.process = None

    def log(self):
        return (self.dir / "log").read_text(errors="replace")

    def logged(self, event, *words):
        return [line for line in self.log().splitlines()
                if f" event={event}" in line and all(w in line for w in words)]

    def control(self, page):
        with Client(self.run_dir / "scand.ctl") as c:
            c.send(f"GET /{page} HTTP/1.1\r\n\r\n".encode())
            text = b""
            while data := c.sock.recv(65536):
                text += data
        head, _, body = text.partition(b"\r\n\r\n")
        return int(head.split()[1]), body.decode()

    def ready(self):
        return self.control("healthz")[0] == 200

    def ask(self, command, end=b"\0"):
        with Client(self.socket) as c:
            c.send(b"z" + command + b"\0")
            return c.answer(end)

    def scan(self, data):
        with Client(self.socket, 60) as c:
            c.send(b"zINSTREAM\0" + chunks(data))
            return c.answer()

    def scanners(self):
        """Process ids of those that serve or start."""
        return named("scand-scanner", self.keepers())

    def keepers(self):
        return named("scand-keeper", [self.process.pid])


def status(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return {}
    found = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    return {} if found.get("State", "").startswith("Z") else found


def named(name, parents):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        s = status(path.name)
        if s.get("Name") == name and int(s.get("PPid", 0)) in parents:
            found.append(int(path.name))
    return found


@contextlib.contextmanager
def running(ready=True, **settings):
    s = Scand(**settings)
    try:
        yield s.start(ready)
        s.stop()
    finally:
        if s.process:
            s.process.kill()
            s.process.wait()
        shutil.rmtree(s.dir, ignore_errors=True)


@pytest.fixture(scope="module")
def scand():
    with running() as s:
        yield s


# Where there are none (in some containers), scanners have a folder instead of a
# file system of their own.
NAMESPACES = subprocess.run(["unshare", "--mount", "--net", "--ipc", "--uts", "mount", "-t", "tmpfs", "none", "/mnt"],
                            capture_output=True, check=False).returncode == 0
needs_namespaces = pytest.mark.skipif(not NAMESPACES, reason="this machine allows no namespaces")

FOUND = "stream: Test.Pattern.UNOFFICIAL FOUND"


@pytest.mark.parametrize("data, answer", [
    (b"", "stream: OK"),
    (b"hello", "stream: OK"),
    (os.urandom(300000), "stream: OK"),
    (mime(b"harmless" * 100), "stream: OK"),
    (mime(zipped(b"harmless" * 100)), "stream: OK"),
    (EICAR, "stream: Test.Eicar.UNOFFICIAL FOUND"),
    (b"sha pattern of a whole file", "stream: Test.Sha.UNOFFICIAL FOUND"),
    (b"text " + PATTERN + b" text", FOUND),
    (zipped(PATTERN), FOUND),
    (mime(PATTERN), FOUND),
    (mime(EICAR), "stream: Test.Eicar.UNOFFICIAL FOUND"),
    (mime(zipped(PATTERN * 5)), FOUND),
    (mime(zipped(zipped(EICAR))), "stream: Test.Eicar.UNOFFICIAL FOUND"),
], ids=["empty", "short", "random", "part", "zip", "eicar", "sha", "pattern", "zip-pattern", "part-pattern",
        "part-eicar", "part-zip", "part-zip-zip"])
def test_verdicts(scand, data, answer):
    assert scand.scan(data) == answer


def test_commands(scand):
    for prefix, end in ((b"z", b"\0"), (b"n", b"\n"), (b"", b"\n")):
        def ask(command, end=end, prefix=prefix):
            with Client(scand.socket) as c:
                c.send(prefix + command + end)
                text = c.answer(end)
                assert c.closed(), "one command a connection"
                return text

        assert ask(b"PING") == "PONG"
        assert re.fullmatch(r"ClamAV [0-9.]+", ask(b"VERSION"))
        assert re.fullmatch(r"ClamAV [0-9.]+\| COMMANDS: [A-Z ]*INSTREAM [A-Z ]*",
                            ask(b"VERSIONCOMMANDS"))
        assert ask(b"SHUTDOWN") == ask(b"SCAN /etc/passwd") == "COMMAND UNAVAILABLE"
        assert ask(b"BOGUS") == ask(b"") == ask(b"PING x") == "UNKNOWN COMMAND"
    with Client(scand.socket) as c:
        c.send(b"nSTATS\n")
        stats = c.answer(b"END\n")
    assert "STATE: VALID PRIMARY" in stats and "THREADS: live 2" in stats
    assert scand.process.poll() is None


def test_session_is_pipelined(scand):
    with Client(scand.socket) as c:
        c.send(b"zIDSESSION\0zINSTREAM\0" + chunks(PATTERN) + b"zPING\0zINSTREAM\0"
               + chunks(b"hello", 2) + b"zVERSION\0")
        assert c.answer() == "1: " + FOUND
        assert c.answer() == "2: PONG"
        assert c.answer() == "3: stream: OK"
        assert c.answer().startswith("4: ClamAV ")
        c.send(b"nINSTREAM\n" + chunks(PATTERN))
        assert c.answer(b"\n") == "5: " + FOUND
        c.send(b"zEND\0")
        assert c.closed()


def test_bytes_one_by_one(scand):
    with Client(scand.socket) as c:
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        for octet in b"zINSTREAM\0" + chunks(b"a " + PATTERN, 7):
            c.send(bytes([octet]))
        assert c.answer() == FOUND


def test_garbage(scand):
    for junk in (b"\0", b"\n", b"\xff" * 5000, b"z" + b"A" * 5000, b"GET / HTTP/1.1\r\n\r\n",
                 os.urandom(3000)):
        with Client(scand.socket) as c:
            c.send(junk + b"\n\0")
            text = c.answer(b"\n" if not junk.startswith(b"z") else b"\0")
            assert text == "UNKNOWN COMMAND" or junk.startswith((b"z", b"n")), junk[:20]
    # Gone in the middle of a stream.
    for part in (b"zINSTREAM\0", b"zINSTREAM\0\0\0", b"zINSTREAM\0\0\1\0\0half"):
        with Client(scand.socket) as c:
            c.send(part)
    wait_for(lambda: "mailstead_scand_spool_bytes 0\n" in scand.control("metrics")[1])
    assert scand.ask(b"PING") == "PONG"


def test_clamdscan(scand, tmp_path):
    program = shutil.which("clamdscan")
    if not program:
        pytest.skip("no clamdscan")
    conf = tmp_path / "clamd.conf"
    conf.write_text(f"LocalSocket {scand.socket}\n")
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(mime(b"fine"))
    bad.write_bytes(mime(zipped(EICAR)))

    def run(*args):
        return subprocess.run([program, f"--config-file={conf}", *map(str, args)],
                              capture_output=True, text=True, timeout=60)

    assert run("--stream", good).returncode == 0
    done = run("--stream", good, bad)
    assert done.returncode == 1
    assert f"{bad}: Test.Eicar.UNOFFICIAL FOUND" in done.stdout and f"{good}: OK" in done.stdout
    done = run("--stream", "--multiscan", tmp_path)
    assert done.returncode == 1 and "Infected files: 1" in done.stdout
    assert run("--ping", "1").returncode == 0
    assert run("--version").stdout.startswith("ClamAV ")


def test_metrics_and_log(scand):
    scand.scan(PATTERN)
    scand.scan(b"fine")
    page = scand.control("metrics")[1]
    for name in ('scans_total{result="found"}', 'scans_total{result="clean"}'):
        assert int(re.search(re.escape(f"mailstead_scand_{name}") + " ([0-9]+)", page)[1]) > 0
    assert "mailstead_scand_signatures 3" in page
    assert scand.logged("found", "text=Test.Pattern.UNOFFICIAL")


def test_sandbox(scand):
    pids = scand.scanners()
    assert len(pids) == 2
    for pid in pids:
        s = status(pid)
        assert (s["Seccomp"], s["NoNewPrivs"]) == ("2", "1")
        assert all(int(s[c], 16) == 0 for c in ("CapInh", "CapPrm", "CapEff", "CapAmb"))
        walls = scand.logged("scanner_ready", f"pid={pid}")[0]
        if os.getuid() == 0:
            # Nothing is open but /dev/null and the channel.
            fds = [os.readlink(f) for f in pathlib.Path(f"/proc/{pid}/fd").iterdir()]
            assert sum(f.startswith("socket:") for f in fds) == 1
            assert all(f.startswith("socket:") or "/null" in f or f.endswith("/log")
                       for f in fds), fds
            assert s["Uid"].split()[0] != "0"
        if "namespaces" in walls and os.getuid() == 0:
            for kind in ("net", "mnt", "user", "ipc"):
                assert os.readlink(f"/proc/{pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}")
            assert sorted(os.listdir(f"/proc/{pid}/root")) == ["tmp", "usr"]


def test_reload_is_for_the_owner():
    with running(listen="unix:scand?mode=0666, 127.0.0.1:0") as s:
        before = s.keepers()
        assert s.ask(b"RELOAD") == "RELOADING"
        wait_for(lambda: len(s.logged("database_loaded")) == 2)
        wait_for(lambda: s.keepers() and s.keepers() != before and len(s.keepers()) == 1)
        if os.getuid() == 0:
            code = ("import os,socket\nos.setgid(1)\nos.setuid(1)\ns=socket.socket(socket.AF_UNIX)\n"
                    f"s.connect({str(s.socket)!r})\ns.sendall(b'zRELOAD\\0')\nprint(s.recv(99))\n")
            said = subprocess.run(["/usr/bin/python3", "-c", code], capture_output=True, text=True)
            assert "COMMAND UNAVAILABLE" in said.stdout, said
        # Nor over TCP, where nobody knows who asks.
        ports = [int(line.split()[1].split(":")[1], 16) for line in
                 pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
                 if line.split()[3] == "0A" and owns(s.process.pid, line.split()[9])]
        assert len(ports) == 1
        with Client(ports[0]) as c:
            c.send(b"zRELOAD\0")
            assert c.answer() == "COMMAND UNAVAILABLE"
        with Client(ports[0]) as c:
            c.send(b"zINSTREAM\0" + chunks(PATTERN))
            assert c.answer() == FOUND


def owns(pid, inode):
    return any(os.readlink(f) == f"socket:[{inode}]"
               for f in pathlib.Path(f"/proc/{pid}/fd").iterdir())


def test_reload_without_a_gap():
    answers, stop = [], threading.Event()
    with running() as s:
        def hammer():
            while not stop.is_set():
                answers.append((s.scan(mime(PATTERN)), s.scan(b"harmless")))

        threads = [threading.Thread(target=hammer) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            assert s.scan(OTHER) == "stream: OK"
            s.write("new.ndb", ndb("Test.New", OTHER))
            wait_for(lambda: s.scan(OTHER) == "stream: Test.New.UNOFFICIAL FOUND", 30)
            s.write("new.ndb", ndb("Test.Newer", OTHER))
            wait_for(lambda: s.scan(OTHER) == "stream: Test.Newer.UNOFFICIAL FOUND", 30)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert set(answers) == {(FOUND, "stream: OK")} and len(answers) > 20
        wait_for(lambda: len(s.keepers()) == 1)
        assert len(s.scanners()) == 2
        assert not list(s.temp.glob("scand.*/*/*")) and len(list(s.temp.iterdir())) == 1


def test_broken_database_changes_nothing():
    with running() as s:
        s.write("own.ndb", "this is no signature\n")
        wait_for(lambda: s.logged("database_refused"), 20)
        line = s.logged("database_refused")[0]
        assert "with the old one" in line and "alformed" in line, line
        assert s.scan(PATTERN) == FOUND and s.ready()
        s.write("own.ndb", ndb("Test.Repaired", PATTERN))
        wait_for(lambda: s.scan(PATTERN) == "stream: Test.Repaired.UNOFFICIAL FOUND", 20)


def test_no_database_is_no_service():
    with running(ready=False, database="/nonexistent/clamav", queue_time=2, check_time=1) as s:
        assert s.scan(b"hello") == "stream: No scanner is ready ERROR"
        assert s.control("healthz")[0] == 503
        assert "INVALID" in s.ask(b"STATS")
        assert s.ask(b"PING") == "PONG"
        assert s.logged("database_refused", "/nonexistent/clamav")


def test_database_that_comes_later():
    s = Scand(check_time=1)
    names = [p.name for p in s.database.iterdir()]
    for name in names:
        (s.database / name).unlink()
    try:
        s.start(ready=False)
        wait_for(lambda: s.logged("database_refused"))
        assert s.scan(PATTERN).endswith(" ERROR")
        s.write("own.ndb", ndb("Test.Pattern", PATTERN))
        wait_for(s.ready, 20)
        assert s.scan(PATTERN) == FOUND
        s.stop()
    finally:
        if s.process:
            s.process.kill()
        shutil.rmtree(s.dir, ignore_errors=True)


def test_crash_costs_one_message():
    with running(scanners=1) as s:
        pid = s.scanners()[0]
        with Client(s.socket) as c:
            c.send(b"zINSTREAM\0" + chunks(mime(os.urandom(30 << 20)), 1 << 20))
            wait_for(lambda: "idle 0" in s.ask(b"STATS"), every=0)
            time.sleep(0.05)  # the scan takes a second
            os.kill(pid, signal.SIGKILL)
            assert c.answer() == "stream: The scanner crashed ERROR"
        assert s.scan(b"hello") == "stream: OK"
        assert s.scan(PATTERN) == FOUND
        assert s.logged("scanner_crashed", f"pid={pid}", "Killed")
        # One that dies while it is idle costs none.
        pid = s.scanners()[0]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not status(pid))  # before it could read anything
        assert s.scan(PATTERN) == FOUND
        # Nor does its keeper, if somebody waits for the next; its scanners end with it.
        orphans = s.scanners()
        assert orphans
        os.kill(s.keepers()[0], signal.SIGKILL)
        wait_for(lambda: s.logged("keeper_lost"))
        assert s.scan(PATTERN) == FOUND
        wait_for(lambda: not any(status(pid) for pid in orphans))


def test_scan_that_hangs():
    with running(scanners=1, max_scan_time=1) as s:
        pid = s.scanners()[0]
        os.kill(pid, signal.SIGSTOP)
        begun = time.monotonic()
        assert s.scan(b"hello") == "stream: The scan took too long ERROR"
        assert time.monotonic() - begun < 15
        assert s.scan(PATTERN) == FOUND
        assert not status(pid)


@pytest.mark.parametrize("namespaces", ["auto", "no"])
def test_no_temporary_space_is_no_service(namespaces):
    """libclamav would call everything clean."""
    with running(ready=False, namespaces=namespaces, queue_time=1, temp_size=1) as s:
        wait_for(lambda: s.logged("database_refused"))
        assert s.control("healthz")[0] == 503
        for data in (PATTERN, mime(zipped(PATTERN)), b"hello"):
            assert s.scan(data) == "stream: No scanner is ready ERROR"


@needs_namespaces
def test_temporary_space_that_runs_out():
    """Enough for the canary, not for this mail."""
    big = mime(zipped(os.urandom(1 << 20) + PATTERN))
    # Each file has room, but not two of them.
    nested = mime(zipped(zipped(os.urandom(200000) + PATTERN)))
    cases = [big, nested, mime(zipped(os.urandom(1 << 19))), gzip.compress(big),
             lzma.compress(nested), zipped(big), zipped(nested)]
    with running(temp_size="256K") as s:
        for data in cases:
            answer = s.scan(data)
            assert answer.endswith(" ERROR"), answer
            assert s.scan(mime(zipped(PATTERN))) == FOUND
    with running() as s:
        for data in cases:
            assert s.scan(data) == (FOUND if data is not cases[2] else "stream: OK")


def test_temporary_folder_that_vanishes():
    with running(namespaces="no", scanners=1) as s:
        assert s.scan(mime(zipped(PATTERN))) == FOUND
        for path in s.temp.glob("scand.*/*"):
            shutil.rmtree(path, ignore_errors=True)
        answer = s.scan(mime(zipped(PATTERN)))
        assert answer.endswith(" ERROR"), answer
        # The next scanner has a folder again.
        assert s.scan(mime(zipped(PATTERN))) == FOUND


def test_without_namespaces():
    with running(namespaces="no") as s:
        assert s.scan(mime(zipped(PATTERN))) == FOUND
        assert s.logged("scanner_ready") and not s.logged("scanner_ready", "namespaces")
        assert status(s.scanners()[0])["Seccomp"] == "2"


@needs_namespaces
@pytest.mark.parametrize("namespaces", ["auto", "yes"])
def test_kernel_that_refuses_namespaces(namespaces):
    """As in many containers. With "yes" it is better not to serve."""
    no_more = "echo 0 >/proc/sys/user/max_user_namespaces && exec \"$@\""
    wrapper = ["unshare", "-r", "sh", "-c", no_more, "sh"]
    if subprocess.run([*wrapper, "true"], capture_output=True).returncode:
        pytest.skip("no user namespaces here")
    s = Scand(namespaces=namespaces, queue_time=1)
    s.wrapper, s.user = wrapper, "root"
    for path in (s.run_dir, s.temp):
        shutil.chown(path, os.getuid())
    try:
        s.start(ready=namespaces == "auto")
        if namespaces == "auto":
            assert s.scan(mime(zipped(PATTERN))) == FOUND
            assert s.logged("no_namespaces", "cannot make namespaces")
        else:
            wait_for(lambda: s.logged("database_refused", "cannot make namespaces"))
            assert s.scan(PATTERN) == "stream: No scanner is ready ERROR"
        s.stop()
    finally:
        if s.process:
            s.process.kill()
        shutil.rmtree(s.dir, ignore_errors=True)


def test_user_of_its_own():
    if os.getuid() != 0:
        pytest.skip("takes root")
    s = Scand(user="daemon")
    shutil.chown(s.temp, "daemon")
    try:
        s.start()
        uid = str(pwd.getpwnam("daemon").pw_uid)
        for pid in [s.process.pid, *s.keepers(), *s.scanners()]:
            assert status(pid)["Uid"].split() == [uid] * 4
        assert s.scan(mime(zipped(PATTERN))) == FOUND
        s.stop()
    finally:
        if s.process:
            s.process.kill()
        shutil.rmtree(s.dir, ignore_errors=True)


def test_limits_of_a_scanner(scand):
    text = pathlib.Path(f"/proc/{scand.scanners()[0]}/limits").read_text()
    limits = {line[:26].strip(): line[26:].split()[0] for line in text.splitlines()}
    assert limits["Max core file size"] == "0"
    assert limits["Max open files"] == "256"
    assert limits["Max file size"] == str((400 + 100) << 20)
    if not sanitized():
        # 256 MB and the longest stream, beside what libclamav takes by itself.
        assert int(limits["Max address space"]) < (256 + 100 + 400) << 20


def sanitized():
    return b"__asan_init" in PROGRAM.read_bytes()


def test_streams_that_are_too_long():
    with running(max_stream=100000, spool_memory=150000) as s:
        assert s.scan(os.urandom(100000)) == "stream: OK"
        with Client(s.socket) as c:
            c.send(b"zINSTREAM\0" + struct.pack(">I", 100001))
            assert c.answer() == "INSTREAM size limit exceeded. ERROR"
            assert c.closed()
        with Client(s.socket) as c:
            c.send(b"zINSTREAM\0" + struct.pack(">I", 60000) + bytes(60000)
                   + struct.pack(">I", 60000))
            assert c.answer() == "INSTREAM size limit exceeded. ERROR"
        # Two fit one by one, but not at once.
        with Client(s.socket) as one:
            one.send(b"zINSTREAM\0" + struct.pack(">I", 90000) + bytes(90000))
            wait_for(lambda: "spool_bytes 90000" in s.control("metrics")[1])
            assert s.scan(bytes(90000)) == "Too many streams at once ERROR"
            one.send(b"\0\0\0\0")
            assert one.answer() == "stream: OK"
        assert s.scan(bytes(90000)) == "stream: OK"


def test_slow_clients_hold_no_scanner():
    with running(scanners=1, timeout=2, receive_time=3) as s:
        slow = [Client(s.socket) for _ in range(20)]
        for c in slow:
            c.send(b"zINSTREAM\0" + struct.pack(">I", 100) + b"x")
        assert s.scan(PATTERN) == FOUND
        assert slow[0].answer() == "The stream has stopped ERROR"
        with Client(s.socket) as c:  # drop by drop
            c.send(b"zINSTREAM\0" + struct.pack(">I", 100))
            begun = time.monotonic()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                while time.monotonic() - begun < 10:
                    c.send(b"x")
                    time.sleep(0.2)
            assert c.answer() == "The stream takes too long ERROR"
        with Client(s.socket) as c:
            assert c.answer(b"\n") == "COMMAND READ TIMED OUT"
        for c in slow:
            c.sock.close()


def test_limits_are_findings():
    deep = EICAR
    for _ in range(6):
        deep = zipped(deep)
    with running(max_recursion=4) as s:
        assert re.fullmatch(r"stream: Heuristics\.Limits\.Exceeded\.\S+ FOUND", s.scan(deep))
    with running(max_recursion=4, alert_limits="no") as s:
        assert s.scan(deep) == "stream: OK"
    with running(max_file_size=100000) as s:
        assert "Heuristics.Limits" in s.scan(mime(os.urandom(200000)))


def test_encrypted_archives(tmp_path):
    program = shutil.which("zip")
    if not program:
        pytest.skip("no zip")
    (tmp_path / "a").write_bytes(b"secret" * 100)
    subprocess.run([program, "-q", "-P", "pass", "a.zip", "a"], cwd=tmp_path, check=True)
    data = mime((tmp_path / "a.zip").read_bytes())
    with running(alert_encrypted="yes") as s:
        assert s.scan(data) == "stream: Heuristics.Encrypted.Zip FOUND"
    with running() as s:
        assert s.scan(data) == "stream: OK"


def test_stop_waits_for_the_scan_and_leaves_nothing():
    with running(scanners=1) as s:
        pids = s.scanners() + s.keepers()
        s.stop()
        assert not any(status(pid) for pid in pids)
        assert not list(s.temp.iterdir()) and not s.socket.exists()


def test_front_that_is_killed_leaves_no_process():
    with running() as s:
        pids = s.scanners() + s.keepers()
        s.process.kill()
        s.process.wait()
        s.process = None
        wait_for(lambda: not any(status(pid) for pid in pids))
        assert not list(s.temp.iterdir())


def test_memory_is_bounded():
    with running(scanners=1) as s:
        data = [mime(os.urandom(200000)) for _ in range(20)]
        for d in data:
            s.scan(d)
        pids = s.scanners() + [s.process.pid]
        before = [int(status(pid)["VmRSS"].split()[0]) for pid in pids]
        for _ in range(10):
            for d in data:
                assert s.scan(d) == "stream: OK"
        assert s.scanners() + [s.process.pid] == pids
        after = [int(status(pid)["VmRSS"].split()[0]) for pid in pids]
        for a, b in zip(after, before):
            assert a < b + 20000, (before, after)
