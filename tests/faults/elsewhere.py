"""The product run from a copy of its checkout: another version, or a read-only tree."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.services import Process, this_run
from tests.services.run import REPOSITORY
from tests.stack import Stack

#: What an image of the product holds.
TREE = ("project", "notes", "page", "manage.py", "Procfile", "gunicorn.conf.py")


def copy_of_checkout() -> Path:
    """A fresh copy of the product's files, without caches and data."""
    tree = this_run().new_directory("tree")
    for name in TREE:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / name)
    return tree


class Elsewhere(Stack):
    """`python -m project.start` in ``tree``; ``wrapper`` goes before the command."""

    def __init__(
        self,
        tree: Path,
        env: Mapping[str, str] | None = None,
        *,
        wrapper: tuple[str, ...] = (),
        **options: Any,
    ) -> None:
        super().__init__(env, **options)
        self.tree = tree
        self.wrapper = wrapper

    def launch(self) -> Process:
        command = [*self.wrapper, sys.executable, "-m", "project.start"]
        self._process = Process(command, log=self.log, env=self.env, cwd=self.tree)
        return self._process
