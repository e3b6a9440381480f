# SPDX-License-Identifier: BSD-2-Clause
"""Cut the power at hundreds of moments and see that nothing acknowledged is
lost, nothing expunged comes back, and no UID or modseq is used twice."""

import os
import random
import shutil
import subprocess
import sys

import pytest

from conftest import BUILD, SOURCE

sys.path.insert(0, str(SOURCE / "tests" / "powercut"))
import cut  # noqa: E402

CUTS = int(os.environ.get("MS_POWER_CUTS", "300"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_power_cuts(tmp_path, seed):
    root, log = str(tmp_path / "site"), str(tmp_path / "record")
    os.mkdir(root)
    program = str(BUILD / "tests" / "powercut" / "powercut")
    subprocess.run(
        [program, "work", root, str(seed)], check=True, timeout=120,
        env={**os.environ, "LD_PRELOAD": str(BUILD / "tests" / "powercut" / "record.so"),
             "MS_RECORD_DIR": root, "MS_RECORD_LOG": log, "MAILSTEAD_BOOT_ID": "before"})
    ops = cut.read_record(log)
    assert sum(op[0] == "sync" for op in ops) > 100, "the recorder sees no syncs"
    rng = random.Random(seed)
    for number in range(CUTS // 2):
        index = rng.randint(1, len(ops))
        target = str(tmp_path / "after")
        os.mkdir(target)
        acks = cut.cut_at(ops, root, index, number, target)
        (tmp_path / "acks").write_bytes(acks)
        done = subprocess.run([program, "verify", target, str(tmp_path / "acks")],
                              capture_output=True, text=True, timeout=60,
                              env={**os.environ, "MAILSTEAD_BOOT_ID": "after"})
        assert done.returncode == 0, (
            f"cut {number} at operation {index} of {len(ops)}, "
            f"{acks.count(bytes([10]))} acknowledgements: {done.stderr}")
        shutil.rmtree(target)
