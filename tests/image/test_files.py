"""What is in the image, and what is not."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image.container import Image

MEGABYTE = 1_000_000
LARGEST = 320 * MEGABYTE
COMPILERS = ("gcc", "cc", "g++", "c++", "clang", "ld", "as", "make", "git", "pip", "pip3")
#: What the product is made of; anything else was not meant to come along.
IN_APP = {
    *(".venv", "LICENSE", "Procfile", "__pycache__", "gunicorn.conf.py", "manage.py"),
    *("notes", "page", "project", "samples", "staticfiles"),
}
#: What must not be told by an image: a build's surroundings.
UNTOLD = ("PIP_", "INDEX", "PROXY", "SECRET", "KEY", "PASSWORD")


def files(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Every file below ``root``, links not followed."""
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            yield path, path.lstat()


def size(root: Path) -> int:
    """The bytes of the files below ``root``, each counted once however many names it has."""
    return sum({(found.st_dev, found.st_ino): found.st_size for _, found in files(root)}.values())


def test_the_image_is_small(images: dict[str, Image]) -> None:
    base, app = size(images["base"].root), size(images["app"].root)
    print(f"\nimage: {app / MEGABYTE:.0f} MB, {(app - base) / MEGABYTE:.0f} MB without its base")
    assert 100 * MEGABYTE < app - base <= LARGEST


@pytest.mark.parametrize("name", ["app", "worker"])
def test_its_configuration_is_that_of_the_dockerfile(images: dict[str, Image], name: str) -> None:
    image = images[name]
    assert image.user > 1000
    assert image.config["Cmd"] == ["python", "-m", "project.start"]
    assert image.health_check == ["python", "-m", "project.health_check"]
    assert image.config["WorkingDir"] == "/app"
    assert not image.config.get("Entrypoint")
    assert not image.config.get("Volumes")
    assert image.env.get("PROCESS_ROLE") == {"app": None, "worker": "worker"}[name]
    assert not [entry for entry in image.env if any(word in entry for word in UNTOLD)]


def test_nothing_is_in_it_that_a_running_product_does_not_need(images: dict[str, Image]) -> None:
    root = images["app"].root
    app = root / "app"
    assert {path.name for path in app.iterdir()} == IN_APP
    programs = {path.name for path, _ in files(root) if path.parent.name in ("bin", "sbin")}
    assert programs.isdisjoint(COMPILERS)
    assert not [path for path, _ in files(app) if path.suffix in (".o", ".a", ".whl")]


def test_nothing_that_runs_can_be_changed_by_whom_it_runs_as(images: dict[str, Image]) -> None:
    image = images["app"]
    for path, found in files(image.root / "app"):
        assert found.st_uid == 0, path
        assert stat.S_ISLNK(found.st_mode) or not found.st_mode & 0o022, path
    data = (image.root / "data").stat()
    assert data.st_uid == image.user
    assert not data.st_mode & 0o007


def test_every_module_is_compiled(images: dict[str, Image]) -> None:
    app = images["app"].root / "app"
    sources = [path for path, _ in files(app) if path.suffix == ".py"]
    compiled = {path.name.split(".")[0] for path, _ in files(app) if path.suffix == ".pyc"}
    assert len(sources) > 1000
    missing = [path for path in sources if path.stem.split(".")[0] not in compiled]
    assert not missing
