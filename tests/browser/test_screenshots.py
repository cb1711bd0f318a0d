"""The pictures of the documentation.

``SCREENSHOTS=docs/img bin/test tests/browser/test_screenshots.py`` makes them anew; any other run
only looks whether they could be made.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from tests.browser.conftest import PHONE, Open
from tests.browser.furnished import Home
from tests.browser.site import Site
from tests.services import this_run
from tests.services.run import REPOSITORY

#: Each picture: its page, its theme, its viewport.
WIDE = (960, 720)
PICTURES = {
    "notes": ("home", "light", WIDE),
    "note": ("note", "light", WIDE),
    "boxes": ("boxes", "light", WIDE),
    "settings": ("settings", "light", WIDE),
    "phone": ("home", "dark", PHONE),
    "first": ("first", "light", (960, 960)),
    "offline": ("offline", "dark", PHONE),
    "login": ("login", "light", WIDE),
    "api": ("api", "light", WIDE),
    "admin": ("admin", "light", (1280, 720)),
}
#: Pictures of pages that are not the furnished person's: whose, and where.
ELSEWHERE = {
    "first": ("somebody new", "/"),
    "offline": ("nobody", "/offline"),
    "login": ("nobody", "/login"),
    "api": ("furnished", "/api/v1/docs"),
    "admin": ("operator", "/admin/notes/note/"),
}
MOST_BYTES = 150_000
DOCS = REPOSITORY / "docs"


def small(png: bytes) -> bytes:
    """``png`` with 128 colours, as small as it gets."""
    out = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(128).save(out, "PNG", optimize=True)
    return out.getvalue()


def test_pictures_for_the_documentation_are_made(
    opened: Callable[..., Open], site: Site, furnished: Home
) -> None:
    people = {
        "furnished": furnished.person,
        "nobody": None,
        "somebody new": site.person(),
        "operator": site.operator("operadora"),
    }
    folder = Path(os.environ.get("SCREENSHOTS") or this_run().new_directory("pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    for name, (page, theme, viewport) in PICTURES.items():
        whose, address = ELSEWHERE.get(page) or ("furnished", furnished.pages()[page])
        one = opened(people[whose], theme=theme, viewport=viewport)
        # The admin has no icon of its own, so the browser asks for one.
        one.watch.expect(r"404 .*/favicon\.ico")
        one.page.goto(address)
        one.page.wait_for_load_state("networkidle")
        picture = small(one.page.screenshot())
        assert 5_000 < len(picture) < MOST_BYTES
        (folder / f"{name}.png").write_bytes(picture)


def test_each_page_that_shows_the_product_has_its_picture_and_no_picture_is_idle() -> None:
    pages = [REPOSITORY / "README.md", *DOCS.glob("*.md"), *DOCS.glob("pt-BR/*.md")]
    picture = re.compile(r"!\[[^\]]+\]\(\S*img/(\w+)\.png\)")
    shown = {str(page.relative_to(REPOSITORY)): picture.findall(page.read_text()) for page in pages}
    for name in ("page", "api", "operations", "deploy", "pt-BR/operations", "pt-BR/deploy"):
        assert shown[f"docs/{name}.md"], name
    assert shown["README.md"]
    assert {name for names in shown.values() for name in names} == set(PICTURES)
    assert {path.stem for path in (DOCS / "img").glob("*.png")} == set(PICTURES)
