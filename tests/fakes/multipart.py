"""Just enough of multipart/form-data to read what an SDK sends."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass
class Form:
    """``fields`` by name on the wire, each with its values in order; the file apart."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    filename: str = ""
    mime: str = ""
    data: bytes | None = None

    def values(self, name: str) -> list[str]:
        """The values of ``name``, sent as ``name`` or, the SDK's way for lists, ``name[]``."""
        return self.fields.get(name, []) + self.fields.get(f"{name}[]", [])

    def value(self, name: str) -> str:
        return (self.values(name) or [""])[0]


def parse(content_type: str, body: bytes) -> Form:
    """The form in ``body``; an empty one if it is none."""
    form = Form()
    boundary = re.search(r'boundary="?([^";]+)', content_type)
    if not boundary:
        return form
    for part in body.split(b"--" + boundary[1].encode())[1:-1]:
        head, _, data = part[2:-2].partition(b"\r\n\r\n")
        _add_part(form, head.decode("utf-8", "replace"), data)
    return form


def _add_part(form: Form, head: str, data: bytes) -> None:
    name = re.search(r'\bname="([^"]*)"', head)
    filename = re.search(r'\bfilename="([^"]*)"', head)
    if filename:
        mime = re.search(r"(?im)^content-type:\s*(\S+)", head)
        form.filename, form.data, form.mime = filename[1], data, mime[1] if mime else ""
    elif name:
        form.fields.setdefault(name[1], []).append(data.decode("utf-8", "replace"))
