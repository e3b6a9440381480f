# SPDX-License-Identifier: BSD-2-Clause
"""What a release contains."""

import pathlib
import re

import pytest

SOURCE = pathlib.Path(__file__).resolve().parent.parent


def listed(path):
    return set(re.findall(r"%D%/(\S+)", (SOURCE / path).read_text()))


@pytest.mark.parametrize("folder,pattern", [("tests", "*.py"), ("sql", "*/*.sql")])
def test_every_file_is_listed(folder, pattern):
    files = {str(f.relative_to(SOURCE / folder)) for f in (SOURCE / folder).glob(pattern)} - {"local.mk"}
    assert files - listed(f"{folder}/local.mk") == set()
