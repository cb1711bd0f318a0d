"""The examples of docs/api.md and its reference, run from the first to the last as they stand."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.provider import FakeProvider
from tests.services import minimal_environment
from tests.services.run import REPOSITORY
from tests.services.valkey import Valkey
from tests.stack import Stack

PAGES = [REPOSITORY / "docs" / name for name in ("api.md", "api-reference.md")]
GUIDE = "".join(page.read_text() for page in PAGES)
#: How the examples of each language are run, and with what they end their files.
RUN = {
    "sh": ("bash", "-euo", "pipefail", "guide.sh"),
    "python": (sys.executable, "-W", "error", "guide.python"),
    "js": ("node", "guide.mjs"),
}


def examples(language: str) -> list[str]:
    """The fenced blocks of ``language``, in the order of the pages."""
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def product(valkey: Valkey) -> Iterator[Stack]:
    env = {"WEBHOOKS_ALLOW_PRIVATE": "1", "SWEEP_SECONDS": "1"}
    with (
        FakeProvider() as provider,
        Stack(env, redis=valkey.url, provider=provider.url) as stack,
    ):
        yield stack


def test_every_block_of_the_guide_is_of_a_language_that_is_run() -> None:
    fences = re.findall(r"^```(\w*)$", GUIDE, re.MULTILINE)
    assert set(fences) - {""} == set(RUN)
    assert fences.count("") == len(fences) / 2
    assert all(len(examples(language)) >= 6 for language in RUN)


@pytest.mark.parametrize("language", list(RUN))
def test_the_examples_of_the_guide_do_what_they_say(
    product: Stack, tmp_path: Path, language: str
) -> None:
    command = RUN[language]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    client = product.create_user(f"reader-of-{language}")
    (tmp_path / "samples").symlink_to(REPOSITORY / "samples")
    (tmp_path / command[-1]).write_text("\n".join(examples(language)))
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**minimal_environment(), "BAU_URL": product.url, "BAU_TOKEN": client.token},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert client.list(status="completed")["results"], done.stdout
    if language != "sh":
        assert "webhook.ping" in done.stdout
