"""The pictures of the documentation.

``SCREENSHOTS=docs/img bin/test tests/browser/test_screenshots.py`` makes them anew; any other run
only looks whether they could be made.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from tests.browser.conftest import PHONE, Open
from tests.browser.furnished import Home
from tests.services import this_run

#: Each picture: its page, its theme, its viewport.
WIDE = (960, 720)
PICTURES = {
    "notes": ("home", "light", WIDE),
    "note": ("note", "light", WIDE),
    "boxes": ("boxes", "light", WIDE),
    "settings": ("settings", "light", WIDE),
    "phone": ("home", "dark", PHONE),
}
MOST_BYTES = 150_000


def small(png: bytes) -> bytes:
    """``png`` with 128 colours, as small as it gets."""
    out = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(128).save(out, "PNG", optimize=True)
    return out.getvalue()


def test_pictures_for_the_documentation_are_made(
    opened: Callable[..., Open], furnished: Home
) -> None:
    folder = Path(os.environ.get("SCREENSHOTS") or this_run().new_directory("pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    for name, (page, theme, viewport) in PICTURES.items():
        one = opened(furnished.person, theme=theme, viewport=viewport)
        one.page.goto(furnished.pages()[page])
        one.page.wait_for_load_state("networkidle")
        picture = small(one.page.screenshot())
        assert 5_000 < len(picture) < MOST_BYTES
        (folder / f"{name}.png").write_bytes(picture)
