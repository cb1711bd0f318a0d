"""docs/deploy.md, followed from its first block to its last by somebody who only copies."""

from __future__ import annotations

import re
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.provider import FakeProvider
from tests.image.container import Container, Image, new_volume
from tests.marks import marked
from tests.services import minimal_environment, wait_for
from tests.services.postgres import Postgres
from tests.services.run import REPOSITORY
from tests.services.s3 import S3
from tests.services.valkey import Valkey

PAGE = REPOSITORY / "docs" / "deploy.md"
#: What the page sends.
SAMPLE = "encanador.ogg"
#: What a block is labelled with: an app's variables, or where commands are typed.
LABELS = ["app", "container", "laptop", "backup", "restore", "servers", "moving", "web"]


def blocks() -> dict[str, str]:
    """The blocks that are used, by label, in the order of the page."""
    found = re.findall(r"^```(?:ini|sh) (\w+)\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    return dict(found)


def variables(label: str, own: Mapping[str, str]) -> dict[str, str]:
    """The variables of a block; where it leaves a ``<gap>``, the reader's ``own`` value."""
    lines = [line.partition("=") for line in blocks()[label].splitlines()]
    return {name: own[name] if "<" in value else value for name, _, value in lines}


def test_every_block_is_used() -> None:
    assert list(blocks()) == LABELS
    fences = re.findall(r"^```(.+)$", PAGE.read_text(), re.M)
    # What is typed on the server needs Docker; what is pasted into CapRover alone is YAML.
    assert set(fences) - {f"{kind} {label}" for kind in ("ini", "sh") for label in LABELS} == {
        "text",
        "yaml",
    }


@dataclass(frozen=True)
class Reader:
    """Somebody with a domain (here, this machine), a provider's key and the page."""

    images: Mapping[str, Image]
    volume: Path
    provider: FakeProvider
    parts: ExitStack

    def app(self, env: Mapping[str, str], *, name: str = "app", volume: bool = True) -> Container:
        """An app with the page's variables; the test adds what the reader's world is made of."""
        world = {"OPENAI_BASE_URL": self.provider.url, "SWEEP_SECONDS": "1"}
        role = env.get("PROCESS_ROLE")
        app = Container(
            self.images[name],
            {**world, **env},
            role=role,
            volume=self.volume if volume else None,
        )
        self.parts.callback(app.close)
        return app

    def one_off(self, env: Mapping[str, str], label: str) -> None:
        """``docker run ... sh``, and the block typed into it."""
        with ExitStack() as stack:
            image = self.images["app"]
            waiting = image._replace(config={**image.config, "Cmd": ["sleep", "600"]})
            shell = Container(waiting, env, volume=self.volume)
            stack.callback(shell.close)
            shell.launch()
            wait_for(lambda: shell.runs("sleep 600"), 10, "no shell")
            shell.run("sh", "-euc", blocks()[label])


def test_who_follows_the_page_gets_one_app_and_then_two(images: dict[str, Image]) -> None:
    with FakeProvider() as provider, ExitStack() as parts:
        volume = new_volume("page", images["app"].user)
        reader = Reader(images, volume, provider, parts)
        own = {"SECRET_KEY": secrets.token_urlsafe(48), "OPENAI_API_KEY": "sk-of-the-reader"}
        one = reader.app({})
        env = variables("app", {**own, "BASE_URL": one.url})
        one.env |= env
        one.start()
        token = one.run("sh", "-euc", blocks()["container"]).stdout.split()[-1]
        first = send(one, token)
        one.run("sh", "-euc", blocks()["backup"])
        one.terminate()
        lose(volume)
        reader.one_off(env, "restore")
        one.start()
        assert one.client(token).get(first)["transcript"]
        second = send(one, token, sample="plumber.ogg")
        one.terminate()
        servers = rent(parts)
        env |= variables("servers", servers)
        reader.one_off(env, "moving")
        moved = reader.app(env, volume=False)
        moved.env["BASE_URL"] = moved.url
        moved.start()
        for note, sample in ((first, SAMPLE), (second, "plumber.ogg")):
            audio = (REPOSITORY / "samples" / sample).read_bytes()
            assert moved.client(token).audio(note) == audio
        worker = reader.app(env, name="worker", volume=False).start()
        web = reader.app({**env, **variables("web", {})}, volume=False)
        moved.terminate()
        web.env["BASE_URL"] = web.url
        web.start()
        client = web.client(token)
        third = client.wait(client.upload(marked()[0])["id"])
        assert third["processing_status"] == "completed"
        assert [note["id"] for note in client.list()["results"]] == [third["id"], second, first]
        wait_for(lambda: worker.healthy() and web.healthy(), 30, "not healthy")
        assert "fail" not in web.manage("doctor", check=False)


def send(app: Container, token: str, *, sample: str = SAMPLE) -> str:
    """The block for the reader's computer; the note's id, once it has been transcribed."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", blocks()["laptop"].replace(SAMPLE, sample)],
        cwd=REPOSITORY,
        env={**minimal_environment(), "TOKEN": token, "BASE_URL": app.url},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found = re.search(r'"id": ?"([0-9a-f-]{36})"', done.stdout)
    assert found, done.stdout
    note = app.client(token).wait(found[1])
    assert note["processing_status"] == "completed"
    return str(note["id"])


def lose(volume: Path) -> None:
    """All but the backup, which somebody had fetched and puts back."""
    for path in volume.iterdir():
        if path.name != "backup.tar.gz":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def rent(parts: ExitStack) -> dict[str, str]:
    """PostgreSQL, Redis and a bucket; the variables that name them."""
    postgres = parts.enter_context(Postgres())
    valkey = parts.enter_context(Valkey(password=secrets.token_urlsafe(24)))
    bucket = parts.enter_context(S3())
    database = postgres.create_database("bau")
    return {"DATABASE_URL": database, "REDIS_URL": valkey.url, **bucket.env}
