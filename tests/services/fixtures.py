"""One server of each kind for the whole run: `pytest_plugins = ["tests.services.fixtures"]`.

Tests that break a server start one of their own instead.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from .postgres import Postgres
from .valkey import Valkey

if TYPE_CHECKING:
    from .s3 import S3


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    with Valkey() as service:
        yield service


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres() as service:
        yield service


@pytest.fixture(scope="session")
def s3() -> "Iterator[S3]":
    from .s3 import S3  # boto3 takes half a second to import, in every run that does not need it

    with S3() as service:
        yield service
