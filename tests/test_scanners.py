# SPDX-License-Identifier: BSD-2-Clause
"""lib/filter's clients against the scanners themselves: Debian's clamd, with
signatures of ours, spamd and rspamd, with local tests only."""

import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from conftest import BUILD, SOURCE, Claims, wait_for

TOOL = BUILD / "tests" / "scanner_tool"
PATH = os.environ["PATH"] + ":/usr/sbin"
SAMPLES = pathlib.Path(os.environ.get(
    "MAILSTEAD_TESTDATA", SOURCE / ".." / "shared" / "testdata")) / "mail-auth" / "spam"

# In two halves, so that nobody takes this file for what it tests.
EICAR = (r"X5O!P%@AP[4\PZX54(P^)7CC)7}$" "EICAR-STANDARD-"
         "ANTIVIRUS-TEST-FILE!$H+H*").encode()
GTUBE = ("XJS*C4JDBQADN1.NSBN3*2IDNEN*"
         "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X").encode()
HEAD = (b"From: Alice <alice@sender.example>\r\nTo: bob@site.example\r\n"
        b"Subject: a test\r\nDate: Thu, 26 Nov 2026 10:00:00 +0000\r\n"
        b"Message-ID: <%b@sender.example>\r\n\r\n")


def tool(*arguments, **environment):
    """What it says, by lines."""
    p = subprocess.run([TOOL, *map(str, arguments)], stdout=subprocess.PIPE, timeout=60,
                       env={**os.environ, **environment})
    assert p.returncode in (0, 1)
    return p.stdout.decode().splitlines()


def program(name):
    found = shutil.which(name, path=PATH)
    if not found:
        pytest.skip(f"needs {name}")
    return found


def write(folder, name, text, head=True):
    path = folder / name
    path.write_bytes((HEAD % name.encode() if head else b"") + text)
    return path


class Daemon:
    """A program in a folder of its own, for which any user may write there."""

    def __init__(self, folder, command):
        self.log = folder / "output"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)

    def wait(self, *question, answer="pong"):
        def answers():
            if self.process.poll() is not None:
                raise AssertionError(self.log.read_text()[-2000:])
            return tool(*question)[-1].startswith(answer)
        wait_for(answers, seconds=90, every=0.2)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


# ----------------------------------------------------------------- clamd

@pytest.fixture(scope="module")
def clamd(tmp_path_factory):
    command, folder = program("clamd"), tmp_path_factory.mktemp("clamd")
    (folder / "db").mkdir()
    (folder / "db" / "a.hdb").write_text(f"{hashlib.md5(EICAR).hexdigest()}:{len(EICAR)}:Test.Eicar\n")
    (folder / "db" / "b.ndb").write_text(f"Test.Pattern:0:*:{b'a pattern of ours'.hex()}\n")
    (folder / "clamd.conf").write_text(
        f"LocalSocket {folder}/socket\nDatabaseDirectory {folder}/db\nForeground yes\n"
        "StreamMaxLength 1M\nUser root\n")
    daemon = Daemon(folder, [command, "-F", "-c", folder / "clamd.conf"])
    server = f"unix:{folder}/socket"
    daemon.wait("version", server, answer="ClamAV")
    yield server
    daemon.stop()


def scan(server, *files, cache=0):
    return [line.split("|") for line in tool("scan", server, cache, *files)]


def test_clamd_version(clamd):
    assert tool("version", clamd)[0].startswith("ClamAV 1.")


def test_clamd_verdicts(clamd, tmp_path):
    clean = write(tmp_path, "clean", b"nothing\r\n")
    eicar = write(tmp_path, "eicar", EICAR, head=False)
    pattern = write(tmp_path, "pattern", b"x" * 500000 + b"a pattern of ours\r\n")
    empty = write(tmp_path, "empty", b"", head=False)
    verdicts = scan(clamd, clean, eicar, pattern, empty)
    assert [v[:2] for v in verdicts] == [
        ["clean", ""], ["found", "Test.Eicar.UNOFFICIAL"],
        ["found", "Test.Pattern.UNOFFICIAL"], ["clean", ""]]


def test_clamd_limit(clamd, tmp_path):
    """It answers while we still write, and resets the connection."""
    big = write(tmp_path, "big", b"x" * 30_000_000)
    for _ in range(5):
        assert scan(clamd, big) == [["too large", "", f"{clamd}: the message is over its limit"]]


def test_clamd_cache(clamd, tmp_path):
    files = [write(tmp_path, "clean", b"x" * 200000), write(tmp_path, "pattern", b"a pattern of ours")]
    verdicts = scan(clamd, *files, *files, *files, cache=10)
    assert [v[0] for v in verdicts] == ["clean", "found"] * 3


# ----------------------------------------------------------------- spamd

SPAMD_PLUGINS = "".join(f"loadplugin Mail::SpamAssassin::Plugin::{name}\n"
                        for name in ("Check", "Bayes", "BodyEval", "HeaderEval"))
SPAMD_SETTINGS = """\
required_score 5
bayes_auto_learn 0
bayes_min_spam_num 1
bayes_min_ham_num 1
"""


def start_spamd(folder, *options, settings=""):
    """As nobody, who may not enter pytest's folders."""
    command, claims = program("spamd"), Claims()
    port = claims.port()
    for name in ("site", "users"):
        (folder / name).mkdir()
    (folder / "site" / "init.pre").write_text(SPAMD_PLUGINS)
    (folder / "site" / "local.cf").write_text(SPAMD_SETTINGS + settings)
    for path in (folder, folder / "users"):
        path.chmod(0o777)
    daemon = Daemon(folder, [
        command, "--syslog=stderr", "-x", f"--virtual-config-dir={folder}/users/%u",
        "--local", f"--listen=127.0.0.1:{port}", f"--siteconfigpath={folder}/site",
        "--max-children=1", f"--helper-home-dir={folder}", "-u", "nobody", "-g", "nogroup", *options])
    daemon.wait("ping", "spamd", f"127.0.0.1:{port}", "")
    return daemon, f"127.0.0.1:{port}"


@pytest.fixture(scope="module")
def spamd():
    with tempfile.TemporaryDirectory() as folder:
        daemon, server = start_spamd(pathlib.Path(folder), "--allow-tell")
        yield server
        daemon.stop()


def check(engine, server, path, user="", **environment):
    word, score, threshold, *rules = tool("check", engine, server, user, path, **environment)[0].split(" ")
    assert word in ("spam", "ham"), (word, score)
    return word, float(score), float(threshold), ",".join(rules).split(",")


def sample(name):
    if not (SAMPLES / name).exists():
        pytest.skip(f"no {SAMPLES / name}: set MAILSTEAD_TESTDATA")
    return SAMPLES / name


def test_spamd_gtube(spamd, tmp_path):
    word, score, threshold, rules = check("spamd", spamd, write(tmp_path, "gtube", GTUBE + b"\r\n"))
    assert word == "spam" and score > 900 and threshold == 5 and "GTUBE" in rules


def test_spamd_ham(spamd, tmp_path):
    word, score, _, rules = check("spamd", spamd, write(tmp_path, "ham", b"See you at eight.\r\n"))
    assert word == "ham" and score < 5 and "GTUBE" not in rules


def test_spamd_samples(spamd):
    assert check("spamd", spamd, sample("sample-spam.txt"))[0] == "spam"
    assert check("spamd", spamd, sample("sample-nonspam.txt"))[0] == "ham"


def test_spamd_learns(spamd, tmp_path):
    """What it did before it says; a user's lessons are that user's."""
    path = write(tmp_path, "lesson", b"The committee convenes about turnips and marmalade at noon.\r\n" * 3)
    for lesson, answer in (("forget", "new"), ("spam", "new"), ("spam", "known"), ("ham", "new"),
                           ("ham", "known"), ("forget", "known"), ("forget", "new")):
        assert tool(lesson, "spamd", spamd, "joe@site.example", path) == [answer]
    assert tool("spam", "spamd", spamd, "joe@site.example", path) == ["new"]
    assert tool("spam", "spamd", spamd, "ann@site.example", path) == ["new"]


def test_spamd_bayes(spamd, tmp_path):
    """After a lesson for one, that user's score of such mail is higher."""
    text = b"Turnips and marmalade: the committee's catalogue of wintry vegetables, spoons and kettles.\r\n" * 4
    path, other = write(tmp_path, "bayes1", text), write(tmp_path, "bayes2", b"Lunch with grandmother, Sunday.\r\n")
    assert tool("spam", "spamd", spamd, "kim", path) == ["new"]
    assert tool("ham", "spamd", spamd, "kim", other) == ["new"]
    again = write(tmp_path, "bayes3", text)
    kim, eve = (check("spamd", spamd, again, user) for user in ("kim", "eve"))
    assert any(rule.startswith("BAYES_") for rule in kim[3]), kim
    assert not any(rule.startswith("BAYES_") for rule in eve[3]), eve


def test_spamd_that_may_not_learn(tmp_path):
    path = write(tmp_path, "lesson", b"Hello\r\n")
    with tempfile.TemporaryDirectory() as folder:
        daemon, server = start_spamd(pathlib.Path(folder))
        answer = tool("spam", "spamd", server, "", path)[0]
        daemon.stop()
    assert answer.startswith("error") and "TELL commands are not enabled" in answer


# ----------------------------------------------------------------- rspamd

RSPAMD = """\
options {{ pidfile = "{0}/pid"; filters = ""; dns {{ nameserver = "127.0.0.1:9"; }} enable_test_patterns = true; }}
logging {{ type = "console"; level = "notice"; }}
worker "controller" {{
 bind_socket = "{0}/socket mode=0666"; bind_socket = "127.0.0.1:{1}";
 count = 1; password = "secret"; enable_password = "secret"; secure_ip = [];
}}
actions {{ reject = 15; "add header" = 6; greylist = 4; }}
classifier "bayes" {{
 backend = "sqlite3"; tokenizer {{ name = "osb"; }} min_learns = 1;
 statfile {{ symbol = "BAYES_HAM"; spam = false; path = "{0}/ham.sqlite"; }}
 statfile {{ symbol = "BAYES_SPAM"; spam = true; path = "{0}/spam.sqlite"; }}
 learn_cache {{ path = "{0}/cache.sqlite"; }}
}}
"""


@pytest.fixture(scope="module")
def rspamd(tmp_path_factory):
    """Both of its addresses. Without Redis, and with none of its modules."""
    command, folder, claims = program("rspamd"), tmp_path_factory.mktemp("rspamd"), Claims()
    port = claims.port()
    (folder / "rspamd.conf").write_text(RSPAMD.format(folder, port))
    daemon = Daemon(folder, [command, "-f", "--insecure", "-c", folder / "rspamd.conf"])
    servers = f"unix:{folder}/socket", f"127.0.0.1:{port}"
    daemon.wait("ping", "rspamd", servers[1], "")
    yield servers
    daemon.stop()


def test_rspamd_gtube(rspamd, tmp_path):
    path = write(tmp_path, "gtube", GTUBE + b"\r\n")
    for server in rspamd:
        word, score, threshold, rules = check("rspamd", server, path, "bob@site.example",
                                              PASSWORD="secret", RCPT="bob@site.example")
        assert (word, score, threshold, rules) == ("spam", 15, 15, ["GTUBE"])


def test_rspamd_ham(rspamd, tmp_path):
    path = write(tmp_path, "ham", b"See you at eight.\r\n")
    for server in rspamd:
        assert check("rspamd", server, path, PASSWORD="secret")[0] == "ham"


def test_rspamd_with_many_links(rspamd, tmp_path):
    """The answer lists them: nobody gets past a check with 2 MB of it."""
    links = "".join(f"http://{'a' * 60}.{'b' * 60}.{'c' * 60}.host{i}.example{i}.com/\r\n" for i in range(12000))
    path = write(tmp_path, "links", links.encode())
    assert check("rspamd", rspamd[0], path, PASSWORD="secret")[0] == "ham"


def test_rspamd_learns(rspamd, tmp_path):
    path = write(tmp_path, "lesson", b"The committee convenes about turnips and marmalade at noon.\r\n" * 3)
    for lesson, answer in (("spam", "new"), ("spam", "known"), ("ham", "new"), ("ham", "known")):
        assert tool(lesson, "rspamd", rspamd[0], "", path, PASSWORD="secret") == [answer]
    assert "cannot forget" in tool("forget", "rspamd", rspamd[0], "", path, PASSWORD="secret")[0]


def test_rspamd_wants_its_password(rspamd, tmp_path):
    path = write(tmp_path, "lesson", b"Hello\r\n")
    answer = tool("spam", "rspamd", rspamd[1], "", path, PASSWORD="wrong")[0]
    assert answer.startswith("error") and "401" in answer and "Unauthorized" in answer
