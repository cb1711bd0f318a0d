"""One container that does it all, with a read-only root."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx2
import pytest

from tests.conftest import SAMPLE
from tests.fakes.provider import FakeProvider
from tests.image.container import Container, Image, new_volume
from tests.marks import marked
from tests.services import wait_for
from tests.services.valkey import Valkey

#: The megabytes of PSS that web, worker and launcher are to have after a hundred notes; those that
#: they may have where the kernel hands out larger pages; how long a worker may take to give back
#: what the notes left: it does so with each sweep.
AIM, BOUND, REST_SECONDS = 220.0, 240.0, 20.0
NOTES = 100
READ_ONLY = """
import pathlib
for folder in ("/app", "/usr", "/etc", "/home"):
    try:
        (pathlib.Path(folder) / "probe").touch()
    except OSError as fault:
        print(folder, fault.strerror)
for folder in ("/tmp", "/dev/shm", "/data"):
    (pathlib.Path(folder) / "probe").touch()
    (pathlib.Path(folder) / "probe").unlink()
"""


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


def test_with_nothing_but_a_volume_and_a_key_a_note_reaches_its_box(
    images: dict[str, Image], provider: FakeProvider
) -> None:
    image = images["app"]
    with Container(image, volume=new_volume("all", image.user), provider=provider.url) as app:
        client = app.create_user("alice")
        box = client.create_box("Casa", keywords=["encanador"])
        provider.default_text = "chamar o encanador"
        done = client.wait(client.upload(SAMPLE.read_bytes())["id"])
        assert (done["processing_status"], done["box"]["id"]) == ("completed", box["id"])
        wait_for(app.healthy, 30, app.log_text)
        assert app.run("python", "-c", READ_ONLY).stdout.splitlines() == [
            f"{folder} Read-only file system" for folder in ("/app", "/usr", "/etc", "/home")
        ]
        assert app.run("id", "-u").stdout.strip() == str(image.user) != "0"
        check_static_files(app)
        # A deploy: SIGTERM within Swarm's ten seconds, and another container on the same volume.
        assert app.terminate() < 10
        app.start()
        assert client.get(done["id"])["transcript"] == done["transcript"]
        assert client.audio(done["id"]) == SAMPLE.read_bytes()


def check_static_files(app: Container) -> None:
    """The pages' own files come compressed, from the image."""
    for path in (
        "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js",
        "/static/admin/css/base.css",
    ):
        answer = httpx2.get(app.url + path, headers={"Accept-Encoding": "gzip"}, trust_env=False)
        assert answer.status_code == 200
        assert answer.headers["content-encoding"] == "gzip"


def test_after_a_hundred_notes_it_is_still_small(
    images: dict[str, Image], provider: FakeProvider
) -> None:
    image = images["app"]
    with (
        Valkey() as valkey,
        closing(
            Container(
                image,
                volume=new_volume("hundred", image.user),
                redis=valkey.url,
                provider=provider.url,
            )
        ) as app,
    ):
        began = time.monotonic()
        app.start()
        took = time.monotonic() - began
        client = app.create_user("alice")
        recordings = [marked()[0] for _ in range(NOTES)]
        with ThreadPoolExecutor(4) as pool:
            sent = [note["id"] for note in pool.map(client.upload, recordings)]
        ended = [client.wait(note, timeout=120)["processing_status"] for note in sent]
        assert ended == ["completed"] * NOTES
        print(f"\nempty volume to ready in {took:.1f} s; after {NOTES} notes in one container")
        rested = time.monotonic() + REST_SECONDS
        while (memory := sum(app.memory().values())) > AIM and time.monotonic() < rested:
            time.sleep(0.5)
        print(told(app))
        assert memory <= BOUND


def told(app: Container) -> str:
    """What each process holds, a line for each, and the sum."""
    memory = app.memory()
    lines = [f"  {megabytes:6.1f} MB  {process}" for process, megabytes in memory.items()]
    return "\n".join([*lines, f"  {sum(memory.values()):6.1f} MB of PSS"])


def test_it_refuses_to_keep_notes_where_they_would_be_gone_with_it(
    images: dict[str, Image],
) -> None:
    with closing(Container(images["app"])) as app:
        assert app.launch().wait(30) == 2
        assert "MEDIA_ROOT: /data/media is inside the container" in app.log_text()
        assert "DATABASE_URL: /data is inside the container" in app.log_text()


def test_a_check_of_a_container_whose_worker_hangs_fails(
    images: dict[str, Image], provider: FakeProvider
) -> None:
    image = images["app"]
    with Container(image, volume=new_volume("sick", image.user), provider=provider.url) as app:
        wait_for(app.healthy, 30, app.log_text)
        app.run("python", "-c", "import os; os.utime('/tmp/bau-worker-alive', (1, 1))")
        # Its loop may come round in between, but not while it is stopped.
        app.process.suspend()
        alive = app.run(*image.health_check, check=False)
        assert alive.returncode == 1
