# SPDX-License-Identifier: BSD-2-Clause
"""One site for the whole test run, made by contrib/quickstart, and what tests
need to talk to it. MS_BUILD names the build to test (default ./build)."""

import contextlib
import imaplib
import itertools
import os
import pathlib
import random
import shlex
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import time

import pytest

from smtp_sink import Sink

SOURCE = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("MS_BUILD", SOURCE / "build")).resolve()
QUICKSTART = SOURCE / "contrib" / "quickstart"


class Claims:
    """Ports of loopback that are ours until release(): nobody listens there,
    and nobody else who asks here, in any process, is told that they are free
    while we are about to listen."""

    def __init__(self):
        self.names = []

    def take(self, ports):
        """All of them, or none."""
        names = []
        try:
            for port in ports:
                # Names without a file; they go away with the process, too.
                names.append(socket.socket(socket.AF_UNIX))
                names[-1].bind(f"\0mailstead-tests-port-{port}")
                with socket.socket() as s:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    s.bind(("127.0.0.1", port))
        except OSError:
            for name in names:
                name.close()
            return False
        self.names += names
        return True

    def base(self):
        """A base from which quickstart's ports are free."""
        return self._find(10, (24, 25, 26, 80, 110, 143, 190, 587, 993, 995))

    def port(self):
        return self._find(1, (0,))

    def _find(self, step, offsets):
        # Below the range that the kernel takes client ports from.
        for _ in range(1000):
            base = random.randrange(10000, 31000, step)
            if self.take([base + offset for offset in offsets]):
                return base
        raise RuntimeError("no free ports on loopback")

    def release(self):
        for name in self.names:
            name.close()
        self.names = []


def wait_for(condition, seconds=10, every=0.02):
    """Wait until condition() is true and return it; else fail."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {condition}")
        time.sleep(every)


def is_dead(pid):
    """Gone, or a zombie, which one stays whose parent is slow to notice. A
    zombie with other threads is not dead: these still have its sockets."""
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state in "ZX" and len(os.listdir(f"/proc/{pid}/task")) <= 1
    except OSError:
        return True


def accepts(path):
    """Does somebody listen on the Unix socket? One that was killed leaves it behind."""
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(str(path))
        except OSError:
            return False
    return True


class Site:
    """A running site; see contrib/quickstart for what it is made of."""

    def __init__(self, build=BUILD):
        # Short, since Unix socket paths are.
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="ms.", dir="/tmp"))
        self.dir.chmod(0o755)
        self.build = build
        self.claims = Claims()
        self.base = self.claims.base()
        self.counter = itertools.count(1)
        self.children = []

    def quickstart(self, mode):
        return subprocess.run(
            [str(QUICKSTART), mode, "--dir", str(self.dir), "--port-base", str(self.base),
             "--build", str(self.build), "--quiet"],
            capture_output=True, text=True, timeout=240)

    def start(self):
        for last in (False, False, True):
            done = self.quickstart("--start")
            if done.returncode == 0:
                break
            said = f"{done.stdout}{done.stderr}{self.logs()}"
            if last or "Address already in use" not in said:
                raise RuntimeError(f"quickstart failed: {said}")
            # Somebody who claims nothing was quicker.
            self.quickstart("--stop")
            self.claims.release()
            self.base = self.claims.base()
        env = {}
        for line in (self.dir / "endpoints.env").read_text().splitlines():
            key, value = line.split("=", 1)
            env[key] = shlex.split(value)[0] if value else ""
        self.env = env
        self.host = env["MS_HOST"]
        self.smtp_port = int(env["MS_SMTP_PORT"])
        self.submission_port = int(env["MS_SUBMISSION_PORT"])
        self.lmtp_port = int(env["MS_LMTP_PORT"])
        self.imap_port = int(env["MS_IMAP_PORT"])
        self.imaps_port = int(env["MS_IMAPS_PORT"])
        self.pop3_port = int(env["MS_POP3_PORT"])
        self.pop3s_port = int(env["MS_POP3S_PORT"])
        self.sieve_port = int(env["MS_SIEVE_PORT"])
        self.auth_http_port = int(env["MS_AUTH_HTTP_PORT"])
        self.user1, self.pass1 = env["MS_USER1"], env["MS_PASS1"]
        self.user2, self.pass2 = env["MS_USER2"], env["MS_PASS2"]
        self.domain = env["MS_DOMAIN"]
        self.data_dir = self.dir / "data"
        self.run_dir = self.dir / "run"
        return self

    def stop(self):
        # Those that are our children would stay as zombies, which quickstart waits for.
        for process in self.children:
            process.terminate()
            process.wait(20)
        self.quickstart("--stop")

    def remove(self):
        self.stop()
        self.claims.release()
        if not os.environ.get("MS_KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)

    def logs(self, lines=30):
        out = []
        for path in sorted((self.dir / "log").glob("*.log")):
            out.append(f"--- {path.name}")
            out += path.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join(out)

    def log(self, daemon):
        return (self.dir / "log" / f"{daemon}.log").read_text(errors="replace")

    def pid(self, daemon):
        return int((self.run_dir / f"{daemon}.pid").read_text())

    def ctl(self, *args, input=None, check=True):
        """Run the mailstead command; what it printed."""
        done = subprocess.run(shlex.split(self.env["MS_CTL"]) + [str(a) for a in args],
                              capture_output=True, text=True, input=input, timeout=120)
        if check and done.returncode:
            raise AssertionError(f"mailstead {args}: {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout if check else done

    def new_account(self):
        """A fresh account: its address and password."""
        user, password = f"user{next(self.counter)}@{self.domain}", "secret-pass"
        self.ctl("account", "add", user, "--stdin", input=password + "\n")
        return user, password

    def set_postfix(self, *settings):
        """Lines for its main.cf. Comes back once no process is left that works by what was there before."""
        postfix = self.dir / "postfix"
        master = (postfix / "spool" / "pid" / "master.pid").read_text().strip()
        children = pathlib.Path(f"/proc/{master}/task/{master}/children")
        for setting in settings:
            subprocess.run(["postconf", "-c", postfix / "etc", "-e", setting], check=True)
        before = set(children.read_text().split())
        subprocess.run(["postfix", "-c", postfix / "etc", "reload"], check=True, capture_output=True)
        wait_for(lambda: before.isdisjoint(children.read_text().split()))

    def imap(self, user=None, password=None, tls=False):
        """A logged-in imaplib connection."""
        if tls:
            import ssl
            context = ssl._create_unverified_context()
            c = imaplib.IMAP4_SSL(self.host, self.imaps_port, ssl_context=context)
        else:
            c = imaplib.IMAP4(self.host, self.imap_port)
        c.login(user or self.user1, password or self.pass1)
        return c

    def submission(self, user=None, password=None):
        """A logged-in smtplib connection to the MTA."""
        c = smtplib.SMTP(self.host, self.submission_port, timeout=30)
        c.starttls()
        c.login(user or self.user1, password or self.pass1)
        return c

    def stop_daemon(self, name, how=signal.SIGTERM):
        """One that quickstart or start_daemon() has started."""
        pid = self.pid(name)
        os.kill(pid, how)
        wait_for(lambda: is_dead(pid), 30, every=0.001)

    def start_daemon(self, name):
        log = open(self.dir / "log" / f"{name}.log", "ab")
        process = subprocess.Popen(
            [str(self.build / name / name), "-c", str(self.dir / "mailstead.conf")],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        self.children.append(process)
        pid_file, control = self.run_dir / f"{name}.pid", self.run_dir / f"{name}.ctl"

        def ready():
            if process.poll() is not None:
                raise AssertionError(f"{name} ended: {self.log(name)[-500:]}")
            return (pid_file.exists() and pid_file.read_text().strip() == str(process.pid)
                    and accepts(control))

        wait_for(ready, 20)
        return process


def pytest_collection_modifyitems(items):
    """Where several processes share the files, the long ones go first, or one
    process would be left with such a file at the end."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in slow)


@contextlib.contextmanager
def running_site():
    s = Site()
    try:
        yield s.start()
    finally:
        s.remove()


@pytest.fixture(scope="session")
def site():
    with running_site() as s:
        yield s


@pytest.fixture
def own_site():
    """A site that a test may break."""
    with running_site() as s:
        yield s


@pytest.fixture(scope="module")
def mail_site():
    """A site of the module's own."""
    with running_site() as s:
        yield s


@pytest.fixture
def sink(mail_site):
    """Where it sends its mail to."""
    s = Sink()
    mail_site.ctl("setting", "set", "mta.submission", f"127.0.0.1:{s.port}")
    yield s
    s.close()
