"""The environment that the product's settings find in tests; loaded before Django's.

Nothing of the caller's own set-up is left: a test must never reach a developer's database, bucket
or provider. Redis is a real Valkey of this run; the database is a file of this run or, with
BAU_TEST_DATABASE=postgres, a PostgreSQL of this run.
"""

from __future__ import annotations

import atexit
import os
import re
from pathlib import Path
from typing import TypeVar

from project.weak import RENAMED
from tests.services import this_run
from tests.services.postgres import Postgres
from tests.services.service import Service
from tests.services.valkey import Valkey

S = TypeVar("S", bound=Service)

EXAMPLE = Path(__file__).parent.parent / ".env.example"


def names_of_settings() -> list[str]:
    """Every setting that the product reads, as ``.env.example`` lists them."""
    return re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", EXAMPLE.read_text(), re.MULTILINE)


def start(service: S) -> S:
    """``service``, running until the end of this run."""
    service.start()
    atexit.register(service.close)
    return service


def forget_callers_settings() -> None:
    """Remove the product's settings, and those with ``_FILE``, from the environment."""
    for name in [*names_of_settings(), *RENAMED]:
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)


forget_callers_settings()
os.environ["SECRET_KEY"] = "for-tests-only-" * 4
os.environ["MEDIA_ROOT"] = str(this_run().new_directory("media"))
os.environ["REDIS_URL"] = start(Valkey()).url
if os.environ.get("BAU_TEST_DATABASE") == "postgres":
    os.environ["DATABASE_URL"] = start(Postgres()).url()
else:
    os.environ["DATABASE_URL"] = f"sqlite:///{this_run().new_directory('db')}/unused.sqlite3"
