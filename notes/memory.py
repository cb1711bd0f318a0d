"""Memory that is free is the machine's, not ours to keep."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any


def give_back() -> None:
    """Have the C library return what is free to the kernel, in the midst of its heaps too.

    By itself it returns only what is free at their ends; after many notes in many threads that
    leaves an eighth of the process unused. Where the library is not glibc nothing is done.
    Source: malloc_trim(3).
    """
    if trim := _trim():
        trim(0)


@cache
def _trim() -> Any:
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
