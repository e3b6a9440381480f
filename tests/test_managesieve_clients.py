# SPDX-License-Identifier: BSD-2-Clause
"""Programs that manage scripts, at work: sieve-connect, and PEAR's Net_Sieve as
Roundcube uses it; and what Thunderbird's add-on says, as it says it."""

import json
import os
import shutil
import subprocess

import pytest

from managesieve import Sieve, b64, literal, plain

SCRIPT = 'require ["fileinto", "variables"];\r\n# ä "quoted" \\ {5+}\r\nfileinto "Archive";\r\n'


def need(program, path=None):
    there = os.path.exists(path) if path else shutil.which(program)
    return pytest.mark.skipif(not there, reason=f"no {program}")


@need("sieve-connect")
def test_sieve_connect(site, tmp_path):
    user, password = site.new_account()
    certificate = site.dir / "tls" / "cert.pem"
    (tmp_path / "local.sieve").write_bytes(SCRIPT.encode())
    (tmp_path / "broken.sieve").write_text("nonsense;\n")

    def run(*options, check=True):
        secret, end = os.pipe()
        os.write(end, password.encode() + b"\n")
        os.close(end)
        done = subprocess.run(["sieve-connect", "--server", "localhost", "--port", str(site.sieve_port), "--4",
                               "--user", user, "--passwordfd", str(secret), "--tlscafile", str(certificate), *options],
                              capture_output=True, text=True, timeout=60, pass_fds=[secret], cwd=tmp_path,
                              stdin=subprocess.DEVNULL)
        os.close(secret)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    run("--localsieve", "local.sieve", "--remotesieve", "main", "--upload")
    assert '"main"' in run("--list") and "ACTIVE" not in run("--list")
    run("--remotesieve", "main", "--activate")
    assert '"main" ACTIVE' in run("--list")
    run("--remotesieve", "main", "--localsieve", "back.sieve", "--download")
    assert (tmp_path / "back.sieve").read_bytes() == SCRIPT.encode()
    run("--localsieve", "local.sieve", "--checkscript")
    assert "nonsense" in run("--localsieve", "broken.sieve", "--remotesieve", "b", "--upload", check=False)
    assert '"b"' not in run("--list")
    run("--deactivate")
    assert "ACTIVE" not in run("--list")
    run("--remotesieve", "main", "--delete")
    assert "main" not in run("--list")
    assert "tls=yes" in site.log("sieved").split(f"user={user}")[-1].splitlines()[0]


NET_SIEVE = r"""
require 'Net/Sieve.php';
[$_, $port, $user, $password, $script] = $argv;
$pear = new PEAR();
$out = [];
function note($what, $result) {
    global $out;
    $out[$what] = is_a($result, 'PEAR_Error') ? ['error' => $result->getMessage()] : $result;
}
$options = ['ssl' => ['verify_peer' => false, 'verify_peer_name' => false]];
$s = new Net_Sieve();
note('connect', $s->connect('localhost', $port, $options, true));
note('login', $s->login($user, $password, 'PLAIN'));
note('extensions', $s->getExtensions());
note('has', $s->hasExtension('vacation'));
note('put', $s->installScript('roundcube', $script, true));
note('again', $s->installScript('roundcube', $script . "# more\r\n"));
note('list', $s->listScripts());
note('active', $s->getActive());
note('get', $s->getScript('roundcube'));
note('space', $s->haveSpace('other', 1000));
note('broken', $s->installScript('broken', "nonsense \"a\";\r\n"));
note('removeactive', $s->removeScript('roundcube'));
note('off', $s->setActive(''));
note('remove', $s->removeScript('roundcube'));
note('end', $s->listScripts());
$s->disconnect();
echo json_encode($out);
"""


@need("php with Net_Sieve", "/usr/share/php/Net/Sieve.php")
def test_net_sieve(site):
    user, password = site.new_account()
    done = subprocess.run(["php", "-d", "error_reporting=0", "-r", NET_SIEVE, "--", str(site.sieve_port), user, password,
                           SCRIPT], capture_output=True, text=True, timeout=60)
    out = json.loads(done.stdout)
    assert out["connect"] is True and out["login"] is True, out
    assert "FILEINTO" in out["extensions"] and out["has"]
    assert out["put"] is True and out["again"] is True and out["space"] is True, out
    assert out["list"] == ["roundcube"] and out["active"] == "roundcube"
    assert out["get"] == SCRIPT + "# more\r\n\r\n"  # it takes the end of the line for part of the script
    assert "nonsense" in out["broken"]["error"] and "error" in out["removeactive"], out
    assert out["off"] is True and out["remove"] is True and out["end"] == []
    assert "tls=yes" in site.log("sieved").split(f"user={user}")[-1].splitlines()[0]


def test_thunderbird(site):
    """Its Sieve add-on sends quoted strings and literals without waiting, and
    NOOP while the window is open."""
    user, password = site.new_account()
    with Sieve(site) as c:
        c.starttls()
        c.ok(f'AUTHENTICATE "PLAIN" "{plain(user, password)}"')
        c.ok("CAPABILITY")
        assert c.ok("LISTSCRIPTS").lines == []
        c.ok(b'PUTSCRIPT "neu" ' + literal("#\r\n# Created with Sieve\r\n"))
        c.ok("LISTSCRIPTS")
        assert c.ok('GETSCRIPT "neu"').lines == [["#\r\n# Created with Sieve\r\n"]]
        for text in ("if", "if true", "if true {", "if true {}"):
            c.command(b"CHECKSCRIPT " + literal(text))
        c.ok(b'PUTSCRIPT "neu" ' + literal(SCRIPT))
        c.ok('SETACTIVE "neu"')
        c.ok('RENAMESCRIPT "neu" "alt"')
        c.ok("NOOP")
        assert c.scripts() == ["*alt"]
        c.ok('SETACTIVE ""')
        c.ok('DELETESCRIPT "alt"')
        c.ok("LOGOUT")
    # Without PLAIN in one go: it asks for LOGIN's words one after the other.
    with Sieve(site) as c:
        c.send('AUTHENTICATE "LOGIN"\r\n')
        c.words()
        c.send(f'"{b64(user)}"\r\n')
        c.words()
        c.send(f'"{b64(password)}"\r\n')
        assert c.reply().status == "OK"
