"""What was taken from elsewhere is what its makers published, licensed, and small."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.services.run import REPOSITORY

STATIC = REPOSITORY / "page" / "static"
FOLDERS = (STATIC / "vendor", REPOSITORY / "tests" / "browser" / "vendor")
#: The page's own code and style, compressed, in bytes.
OWN_BYTES = 60 * 1024
FREE = {"MIT", "BSD-3-Clause", "Apache-2.0", "0BSD", "ISC", "MPL-2.0"}


def libraries(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "manifest.json").read_text())["libraries"]
    return found


@pytest.mark.parametrize("folder", FOLDERS, ids=["page", "tests"])
def test_every_vendored_file_is_named_and_unchanged(folder: Path) -> None:
    named = {name: sum_ for each in libraries(folder) for name, sum_ in each["files"].items()}
    files = [path for path in folder.rglob("*") if path.is_file() and path.parent != folder]
    files += [path for path in folder.glob("*") if path.is_file() and path.name != "manifest.json"]
    there = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }
    assert there == named


@pytest.mark.parametrize("folder", FOLDERS, ids=["page", "tests"])
def test_every_library_has_a_version_a_free_licence_and_a_source(folder: Path) -> None:
    for library in libraries(folder):
        assert library["licence"] in FREE
        assert f"/{library['name']}/v/{library['version']}" in library["source"]
        assert any("LICENSE" in name for name in library["files"])


def test_the_pages_own_code_and_style_are_small() -> None:
    own = [path for path in (STATIC / "page").rglob("*") if path.suffix in (".js", ".css", ".svg")]
    size = sum(len(gzip.compress(path.read_bytes(), 9)) for path in own)
    print(f"{size:,} bytes compressed in {len(own)} files")
    assert 0 < size <= OWN_BYTES
