"""A worker keeps no memory that it does not use."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from tests.services.run import REPOSITORY

#: Of 64 MB in pieces of two pages all but every hundredth are let go; the heap stays as long.
HOLES = """
from notes.memory import give_back
from pathlib import Path

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 1_000_000

pieces = [bytearray(8000) for _ in range(8000)]
kept = pieces[::100]
del pieces
before = resident()
give_back()
print(before - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="what is done is glibc's")
def test_what_is_free_in_the_midst_of_a_heap_is_given_back() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HOLES], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) > 30
