# SPDX-License-Identifier: BSD-2-Clause
"""The units of contrib/systemd: installed, started, asked and stopped by a
systemd of the test's own."""

import json
import pathlib
import shutil
import subprocess

import pytest

from conftest import BUILD, wait_for

HERE = pathlib.Path(__file__).parent / "systemd"
DAEMONS = ("authd", "lmtpd", "imapd", "pop3d", "sieved", "milterd", "scand")


class Cgroup:
    """One that the new systemd can have for itself."""

    def __init__(self, name):
        mounts = [line.split() for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
        tops = [m[1] for m in mounts if m[2] == "cgroup2"]
        if not tops:
            pytest.skip("no cgroup2 is mounted here")
        self.path = pathlib.Path(tops[0]) / name
        try:
            self.path.mkdir()
        except OSError as e:
            pytest.skip(f"no cgroup can be made here: {e}")

    def remove(self):
        def gone():
            for folder in sorted(self.path.rglob("*/"), reverse=True):
                try:
                    folder.rmdir()
                except OSError:
                    return False
            try:
                self.path.rmdir()
            except OSError:
                return False
            return True

        wait_for(gone, 20)


def places():
    """Where the build installs to."""
    out = {}
    for name in ("sysconfdir", "localstatedir"):
        # make may tell first what it has to make anew.
        said = subprocess.run(["make", "-s", "-C", BUILD, f"--eval=show:;@echo $({name})", "show"], check=True,
                              capture_output=True, text=True).stdout
        out[name] = said.split()[-1]
    out["rundir"] = "/run/mailstead" if out["localstatedir"] == "/var" else out["localstatedir"] + "/run/mailstead"
    return out


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    if not pathlib.Path("/lib/systemd/systemd").exists():
        pytest.skip("systemd is not installed")
    mounts = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    if not any(line.split()[4] == "/" for line in mounts):
        pytest.skip("in a chroot nobody can change the root folder")
    if subprocess.run(["unshare", "--user", "--map-root-user", "true"], capture_output=True, check=False).returncode:
        pytest.skip("user namespaces, which the units use, cannot be made here")
    folder = tmp_path_factory.mktemp("systemd")
    shutil.copy(HERE / "inside.py", folder)
    (folder / "places.json").write_text(json.dumps(places()))
    cgroup = Cgroup(f"mailstead-test-{folder.parent.name}-{folder.name}")
    log = folder / "boot.log"
    with open(log, "wb") as out:
        process = subprocess.Popen(
            ["sh", "-c", 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"', "sh", cgroup.path,
             "unshare", "--fork", "--kill-child", "--pid", "--mount", "--uts", "--ipc", "--net", "--cgroup",
             "sh", HERE / "boot.sh", folder, BUILD], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        wait_for(lambda: (folder / "seen.json").exists() or process.poll() is not None, 120, every=0.1)
        if not (folder / "mounted").exists():
            pytest.skip(f"its files cannot be mounted here: {log.read_text(errors='replace')[-300:]}")
        assert (folder / "seen.json").exists(), "".join(
            path.read_text(errors="replace")[-2000:] for path in sorted(folder.glob("*.log")))
        saw = json.loads((folder / "seen.json").read_text())
        assert "failed" not in saw, saw["failed"]
        yield saw
    finally:
        process.kill()
        process.wait(20)
        cgroup.remove()


@pytest.mark.slow
def test_daemons_answer(seen):
    said = seen["said"]
    assert ":OK ann@example.org" in said["authd"]
    assert said["lmtpd"].startswith("220 ") and said["imapd"].startswith("* OK ") and said["pop3d"].startswith("+OK ")
    assert '"IMPLEMENTATION"' in said["sieved"]
    assert said["milterd"] == "O"
    assert said["scand"] == "stream: Test.Eicar.UNOFFICIAL FOUND\0"


@pytest.mark.slow
def test_units_stay_up_and_stop(seen):
    for daemon in DAEMONS:
        user = "mailstead-scand" if daemon == "scand" else "mailstead"
        assert seen["running"][daemon] == {"ActiveState": "active", "NRestarts": "0", "User": user}
        assert seen["stopped"][daemon] == {"ActiveState": "inactive", "Result": "success"}


@pytest.mark.slow
def test_nothing_is_missed(seen):
    """Neither the walls of scand's scanners nor anything else that a unit takes away."""
    assert "walls=namespaces,landlock,seccomp" in seen["journal"]["scand"]
    for daemon in DAEMONS:
        lines = [line for line in seen["journal"][daemon].splitlines() if "level=warn" in line or "level=error" in line]
        assert not lines
