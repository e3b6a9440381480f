# SPDX-License-Identifier: BSD-2-Clause
"""The Sieve language: files of tests written in it, run by `mailstead sieve
test`. MAILSTEAD_SVTESTS may name a folder with more, such as Pigeonhole's
tests; files in its folder "failures" have to fail."""

import json
import os
import pathlib
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("MS_BUILD", SOURCE / "build")).resolve()
MAILSTEAD = BUILD / "ctl" / "mailstead"
OURS = SOURCE / "tests" / "sieve"


def files():
    yield from sorted(OURS.glob("*.svtest"))
    if "MAILSTEAD_SVTESTS" in os.environ:
        yield from sorted(
            pathlib.Path(os.environ["MAILSTEAD_SVTESTS"]).rglob("*.svtest"))


def name(path):
    if path.is_relative_to(OURS):
        return path.stem
    return str(path.relative_to(os.environ["MAILSTEAD_SVTESTS"]))


def run(*words):
    done = subprocess.run([MAILSTEAD, "sieve", *words], timeout=120,
                          capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done


@pytest.mark.parametrize("path", list(files()), ids=name)
def test_file(path):
    options = ["--json"]
    if not path.is_relative_to(OURS):
        options.append("--pigeonhole")
        if path.parent.name == "failures":
            options.append("--expect-failure")
    report = json.loads(run("test", path, *options).stdout)
    failed = [f'line {t.get("failed_line")}, "{t["test"]}": {t.get("message")}'
              for f in report["results"] if not f["good"]
              for t in f["tests"] if not t["passed"]]
    assert report["failed_files"] == 0, "\n".join(failed)


def test_a_failing_test_fails(tmp_path):
    path = tmp_path / "x.svtest"
    path.write_text("""require "vnd.dovecot.testsuite";
test "one" { if true { test_fail "because"; } }
test "two" { redirect "a@example.org"; }
""")
    done = run("test", path)
    assert done.returncode == 1
    assert 'line 2, "one": because' in done.stdout
    assert "1 passed, 1 failed" in done.stdout
    assert run("test", path, "--expect-failure").returncode == 1


def test_check(tmp_path):
    path = tmp_path / "x.sieve"
    path.write_text('require "fileinto";\nfileinto "A";\n')
    assert run("check", path).returncode == 0
    path.write_text('keep;\nfileinto "A";\n  frob;\n')
    done = run("check", path)
    assert done.returncode == 1
    assert f"{path}:2:1: error:" in done.stdout
    assert f"{path}:3:3: error:" in done.stdout
    report = json.loads(run("check", path, "--json").stdout)
    assert [m["line"] for m in report["messages"]] == [2, 3]
    assert not report["good"]


def test_check_knows_optional_extensions(tmp_path):
    path = tmp_path / "x.sieve"
    path.write_text('require "vnd.dovecot.pipe";\npipe "x";\n')
    assert run("check", path).returncode == 1
    assert run("check", path, "--extension",
               "vnd.dovecot.pipe").returncode == 0


def test_run(tmp_path):
    script = tmp_path / "x.sieve"
    message = tmp_path / "message"
    message.write_text("From: a@example.org\nTo: b@example.org\n"
                       "Subject: Lunch\n\nAt noon.\n")
    script.write_text('require ["fileinto", "imap4flags"];\n'
                      'if header :contains "subject" "lunch" {\n'
                      '  fileinto :flags "\\\\Seen" "Food";\n'
                      '  redirect "c@example.org"; }\n')
    done = run("run", script, message)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        'file into "Food" with the flags \\Seen', "redirect to c@example.org"]
    report = json.loads(run("run", script, message, "--json",
                            "--trace").stdout)
    assert [a["action"] for a in report["actions"]] == ["store", "redirect"]
    assert report["actions"][0]["line"] == 3
    assert any("header" in step["text"] for step in report["trace"])


def test_run_takes_the_envelope_from_options(tmp_path):
    script = tmp_path / "x.sieve"
    message = tmp_path / "message"
    message.write_text("From: a@example.org\n\nText\n")
    script.write_text('require "envelope";\n'
                      'if envelope "from" "z@example.org" { discard; }\n')
    assert run("run", script, message).stdout.startswith("keep")
    done = run("run", script, message, "--from", "z@example.org")
    assert done.stdout == "discard\n"


def test_run_tells_what_failed(tmp_path):
    script = tmp_path / "x.sieve"
    message = tmp_path / "message"
    message.write_text("From: a@example.org\n\nText\n")
    script.write_text('require "ihave";\nerror "No.";\n')
    done = run("run", script, message)
    assert done.returncode == 1
    assert "No." in done.stderr
    assert done.stdout.startswith("keep")
