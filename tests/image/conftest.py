"""These tests need a built image: ``bin/image-test`` makes it and says where it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.image.container import Image

DESCRIBED = os.environ.get("BAU_IMAGES", "")
if not DESCRIBED:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def images() -> dict[str, Image]:
    """What was built, by name: base, app, worker."""
    return Image.read_all(Path(DESCRIBED))
