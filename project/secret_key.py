"""A secret key for a machine that only serves itself."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def own_secret_key(folder: Path) -> str:
    """The key in ``folder/secret_key``, made on first use and readable by its owner alone.

    Two processes that start together agree: whoever links the file first decides.
    """
    path = folder / "secret_key"
    if not path.exists():
        mine = folder / f"secret_key.{os.getpid()}"
        mine.touch(mode=0o600)
        mine.write_text(secrets.token_urlsafe(50))
        with contextlib.suppress(FileExistsError):
            os.link(mine, path)
        mine.unlink()
    return path.read_text()
