"""The image as a platform runs it: in one container, and as two apps."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.conftest import SAMPLE
from tests.fakes.provider import FakeProvider
from tests.image.container import Container, Image, new_volume
from tests.services import wait_for


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


def test_a_single_container_takes_a_note_to_its_box(
    images: dict[str, Image], provider: FakeProvider
) -> None:
    image = images["app"]
    volume = new_volume("all", image.user)
    began = time.monotonic()
    with Container(image, volume=volume, provider=provider.url) as app:
        print(f"start to ready with migrations: {time.monotonic() - began:.1f} s")
        client = app.create_user("alice")
        box = client.create_box("Casa", keywords=["encanador"])
        note = client.upload(SAMPLE.read_bytes())
        done = client.wait(note["id"])
        assert done["processing_status"] == "completed"
        wait_for(app.healthy, 30, app.log_text)
        assert client.audio(note["id"]) == SAMPLE.read_bytes()
        assert box
        print(app.memory())
        assert app.terminate() < 10
        assert not app.processes()
