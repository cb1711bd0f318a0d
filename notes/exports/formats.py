"""One note as text, Markdown, subtitles or JSON. What a person said never becomes syntax."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

#: Characters that are read in a second, for a note without sound.
READING_SPEED = 15


@dataclass(frozen=True)
class Segment:
    """What was said between two moments, in seconds from the beginning."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Exported:
    """A note as it is exported; ``fields`` are those of the API, ready for JSON.

    ``segments`` may be empty: then the words are one.
    """

    fields: dict[str, Any]
    segments: Sequence[Segment] = ()

    @property
    def transcript(self) -> str:
        return str(self.fields["transcript"])

    def cues(self) -> list[Segment]:
        """The segments that have words, or all words over the whole duration."""
        whole = self.fields["duration_seconds"] or len(self.transcript) / READING_SPEED
        segments = self.segments or [Segment(0, max(whole, 1), self.transcript)]
        return [cue for cue in segments if cue.text.strip()]


def txt(note: Exported) -> str:
    """The words."""
    return f"{note.transcript.rstrip()}\n"


def as_json(note: Exported) -> str:
    """All fields of the API, and the segments."""
    segments = [vars(segment) for segment in note.segments]
    return json.dumps({**note.fields, "segments": segments}, ensure_ascii=False, indent=2) + "\n"


# --- Markdown ------------------------------------------------------------------------------------

_FRONT = ("id", "created_at", "recorded_at", "language", "duration_seconds", "processing_status")
# What YAML does not take as it is, or takes as the end of a line.
_UNPRINTABLE = re.compile(
    "[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_MARKUP = re.compile(r"[\\`*_\[\]<>|~&$]")
_BLOCK = re.compile(r"^\s*(?=[#+=:-])|^\s*(\d{1,9})(?=[.)])", re.MULTILINE)


def md(note: Exported) -> str:
    """A front matter of YAML, then the words, with a backslash before whatever is markup."""
    box = note.fields["box"]
    front = {name: note.fields[name] for name in _FRONT} | {"box": box and box["name"]}
    lines = [f"{name}: {_yaml(value)}" for name, value in front.items() if value is not None]
    return "\n".join(["---", *lines, "---", "", _plain(note.transcript).rstrip(), ""])


def _yaml(value: object) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    text = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + _UNPRINTABLE.sub(lambda found: f"\\U{ord(found[0]):08x}", text) + '"'


def _plain(text: str) -> str:
    # Without a space before them lines are no code; a digit takes no backslash, its dot does.
    lines = "\n".join(line.strip() for line in text.splitlines())
    escaped = _MARKUP.sub(r"\\\g<0>", lines)
    return _BLOCK.sub(lambda found: f"{found[1] or ''}\\", escaped)


# --- Subtitles -----------------------------------------------------------------------------------

_ARROW = re.compile(r"-{2,}>")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")


def srt(note: Exported) -> str:
    """SubRip. It has no way to escape: an arrow, which would be a time, loses a dash."""
    cues = [
        f"{number}\n{_time(cue.start, ',')} --> {_time(cue.end, ',')}\n"
        f"{_ARROW.sub('->', _one_line(cue.text))}\n"
        for number, cue in enumerate(note.cues(), 1)
    ]
    return "\n".join(cues)


def vtt(note: Exported) -> str:
    """WebVTT (https://www.w3.org/TR/webvtt1/)."""
    cues = [
        f"{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n{_entities(_one_line(cue.text))}\n"
        for cue in note.cues()
    ]
    return "\n".join(["WEBVTT\n", *cues])


def _one_line(text: str) -> str:
    """An empty line would end the cue."""
    return " ".join(_CONTROL.sub("", text).split())


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"


class Format(NamedTuple):
    """What a note can be exported as, by the extension of its address."""

    mime: str
    write: Callable[[Exported], str]
    summary: str


FORMATS = {
    "txt": Format("text/plain", txt, "The words"),
    "md": Format("text/markdown", md, "Markdown with a front matter"),
    "srt": Format("application/x-subrip", srt, "SubRip subtitles"),
    "vtt": Format("text/vtt", vtt, "WebVTT subtitles"),
    "json": Format("application/json", as_json, "All fields, as a file"),
}
