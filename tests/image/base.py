"""The base image: a small Debian with its own Python, made by debootstrap."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.image.buildah import Buildah, BuildFailed

SUITE = "bookworm"
PACKAGES = "python3,python3-venv"
#: With a number that goes up when the recipe below changes.
BASE = f"localhost/bau-base:{SUITE}-1"
#: Docker puts such a file over that of an image.
HOSTS = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"
#: As official images do: what apt keeps for itself.
REMOVED = ("var/cache/apt/archives", "var/lib/apt/lists", "var/log")


def make_base(buildah: Buildah) -> None:
    """Have :data:`BASE` in the storage; about a minute, if it is not there yet.

    Raises:
      BuildFailed: debootstrap did not manage it.
    """
    if buildah.has(BASE):
        return
    tree = buildah.folder / "base"
    shutil.rmtree(tree, ignore_errors=True)
    with buildah.log.open("a") as log:
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(tree)]
        if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log).returncode:
            tail = "\n".join(buildah.log.read_text().splitlines()[-15:])
            raise BuildFailed(f"debootstrap failed:\n{tail}")
    _clean(tree)
    buildah.import_tree(tree, BASE)
    shutil.rmtree(tree)


def _clean(tree: Path) -> None:
    for folder in REMOVED:
        for path in (tree / folder).iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    (tree / "etc" / "hosts").write_text(HOSTS)
