"""Does a file begin and end where its recording does? FFmpeg says little about either."""

from __future__ import annotations

import logging
import os
from typing import BinaryIO

#: An Ogg page is never longer: 27 bytes, 255 lengths and what they add up to.
LONGEST_PAGE = 27 + 255 + 255 * 255


def ogg_breaks_off(file: BinaryIO) -> bool:
    """Whether ``file`` ends in the middle of an Ogg page. False if it is no Ogg file.

    A missing end-of-stream mark tells nothing: many recorders never set it.
    """
    file.seek(0)
    if file.read(4) != b"OggS":
        return False
    length = file.seek(0, os.SEEK_END)
    file.seek(max(length - LONGEST_PAGE, 0))
    tail = file.read(LONGEST_PAGE)
    page = tail[max(tail.rfind(b"OggS"), 0) :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    return len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])


def is_endless_wav(file: BinaryIO) -> bool:
    """Whether ``file`` is a wav whose recorder could not go back to write its length."""
    file.seek(0)
    head = file.read(12)
    unknown = head[4:8] in (b"\xff\xff\xff\xff", b"\0\0\0\0")
    return head[:4] == b"RIFF" and head[8:] == b"WAVE" and unknown


def first_bytes_of_a_fragment(head: bytes) -> bool:
    """Whether ``head`` begins a later piece of a WebM or MP4 recording."""
    return head.startswith((b"\x1fC\xb6u", b"\xa3")) or head[4:8] in (b"moof", b"styp", b"sidx")


class MatroskaEnding(logging.Handler):
    """Listens to what FFmpeg says, for the one line that it says nowhere else."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.broken_off = False

    def emit(self, record: logging.LogRecord) -> None:
        self.broken_off = self.broken_off or "ended prematurely" in str(record.msg)
