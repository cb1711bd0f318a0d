"""Weak settings: each refuses to start, by name, with exit code 2 and one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.services.run import REPOSITORY
from tests.stack import Stack

PUBLIC = {"BASE_URL": "https://notas.bau.com.br"}
KEY = "Zk3v8Qw1xN5tR7yB2mC4dF6gH9jL0pS_aEiOuTzXcVbNmKjHgF"
DB, REDIS = "postgres://bau:{}@{}:5432/bau", "redis://:{}@{}:6379/0"

#: What is set beside a good SECRET_KEY, the setting that must be named, and words of its line.
WEAK: list[tuple[dict[str, str], str, str]] = [
    ({"SECRET_KEY": "change-me"}, "SECRET_KEY", "placeholder"),
    ({"SECRET_KEY": "django-insecure-" + KEY}, "SECRET_KEY", "placeholder"),
    ({"SECRET_KEY": "your-secret-key-" * 4}, "SECRET_KEY", "placeholder"),
    ({"SECRET_KEY": "At least 50 random characters: python -c ..."}, "SECRET_KEY", "placeholder"),
    ({"SECRET_KEY": "---"}, "SECRET_KEY", "placeholder"),
    ({"SECRET_KEY": f'"{KEY}"'}, "SECRET_KEY", "quotation marks"),
    ({"SECRET_KEY": KEY[:49]}, "SECRET_KEY", "49 characters"),
    ({"SECRET_KEY": "abcd" * 20}, "SECRET_KEY", "not random"),
    ({**PUBLIC, "SECRET_KEY": ""}, "SECRET_KEY", "public BASE_URL"),
    ({"SECRET_KEY_FALLBACKS": "change-me"}, "SECRET_KEY_FALLBACKS", "placeholder"),
    ({"SECRET_KEY_FALLBACKS": f"{KEY},short"}, "SECRET_KEY_FALLBACKS", "5 characters"),
    ({**PUBLIC, "DEBUG": "1"}, "DEBUG", "Must be 0"),
    ({**PUBLIC, "ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS", "Must not be *"),
    ({"BASE_URL": "http://notas.bau.com.br"}, "BASE_URL", "https://"),
    ({"BASE_URL": "http://8.8.8.8:8000"}, "BASE_URL", "https://"),
    ({"REDIS_URL": "redis://redis.bau.com.br:6379/0"}, "REDIS_URL", "password"),
    ({"REDIS_URL": "redis://8.8.8.8:6379/0"}, "REDIS_URL", "password"),
    ({"REDIS_URL": REDIS.format("change-me", "127.0.0.1")}, "REDIS_URL", "placeholder"),
    ({"REDIS_URL": REDIS.format("password", "srv-captain--redis")}, "REDIS_URL", "placeholder"),
    ({"REDIS_URL": REDIS.format("$$cap_pw", "srv-captain--redis")}, "REDIS_URL", "placeholder"),
    ({"DATABASE_URL": "postgres://bau@db.bau.com.br/bau"}, "DATABASE_URL", "password"),
    ({"DATABASE_URL": DB.format("password", "host")}, "DATABASE_URL", "placeholder"),
    ({"DATABASE_URL": DB.format("troque-me", "localhost")}, "DATABASE_URL", "placeholder"),
    ({"OPENAI_API_KEY": "sk-..."}, "OPENAI_API_KEY", "placeholder"),
    ({"OPENAI_API_KEY": "sk-xxxxxxxx"}, "OPENAI_API_KEY", "placeholder"),
    ({"OPENAI_API_KEY": "your-api-key"}, "OPENAI_API_KEY", "placeholder"),
    ({"OPENAI_API_KEY": "'sk-abcdef'"}, "OPENAI_API_KEY", "quotation marks"),
    ({"OPENAI_BASE_URL": "http://api.openai.com/v1"}, "OPENAI_BASE_URL", "https://"),
    ({"S3_ACCESS_KEY_ID": "<key>"}, "S3_ACCESS_KEY_ID", "placeholder"),
    ({"S3_SECRET_ACCESS_KEY": "changeme"}, "S3_SECRET_ACCESS_KEY", "placeholder"),
    ({"S3_ENDPOINT_URL": "http://s3.bau.com.br"}, "S3_ENDPOINT_URL", "https://"),
    ({"S3_ENDPOINT_URL": "s3.bau.com.br"}, "S3_ENDPOINT_URL", "address"),
    ({"SENTRY_DSN": "http://key@sentry.bau.com.br/1"}, "SENTRY_DSN", "https://"),
    ({"METRICS_TOKEN": "short"}, "METRICS_TOKEN", "16"),
    ({"METRICS_TOKEN": "change-me-please-now"}, "METRICS_TOKEN", "placeholder"),
    ({"CELERY_BROKER_URL": "redis://x"}, "CELERY_BROKER_URL", "REDIS_URL"),
    ({"CELERY_RESULT_BACKEND": "redis://x"}, "CELERY_RESULT_BACKEND", "DATABASE_URL"),
    ({"CELERY_MODE": "separate"}, "CELERY_MODE", "PROCESS_ROLE"),
]
GOOD: list[dict[str, str]] = [
    {},
    {"DEBUG": "1"},
    {"BASE_URL": "http://nas.local:8000", "DEBUG": "1"},
    {"BASE_URL": "http://192.168.0.7:8000"},
    {**PUBLIC, "SECRET_KEY_FALLBACKS": f"{KEY},{KEY[::-1]}"},
    {**PUBLIC, "REDIS_URL": "redis://srv-captain--bau-redis:6379/0"},
    {**PUBLIC, "REDIS_URL": REDIS.format("k7fJ2", "redis.bau.com.br")},
    {"DATABASE_URL": DB.format("password", "localhost")},
    {"DATABASE_URL": DB.format("s%40nha-forte-7f", "db.bau.com.br")},
    {"OPENAI_API_KEY": "sk-proj-7dXk"},
    {"OPENAI_BASE_URL": "http://srv-captain--whisper:9000/v1"},
    {"METRICS_TOKEN": "k3v8Qw1xN5tR7yB2"},
    {"SENTRY_DSN": "https://key@glitchtip.bau.com.br/1"},
]

#: Loads the settings once for each environment it reads, each time in a process of its own.
LOADER = """
import json, os, sys
import environs, dj_database_url, dj_email_url, django_cache_url, botocore.config
for line in sys.stdin:
    out, into = os.pipe()
    if not (child := os.fork()):
        os.dup2(into, 2)
        os.environ.update(json.loads(line))
        import project.settings
        os._exit(0)
    os.close(into)
    with os.fdopen(out) as said:
        text = said.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(json.dumps([code, text]), flush=True)
"""


class Answer(NamedTuple):
    """How a process that loaded the settings ended, and what it said."""

    code: int
    said: str


class Loader:
    """Starts one process per environment, cheaply."""

    def __init__(self, var: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", LOADER],
            cwd=REPOSITORY,
            env={"PATH": os.environ["PATH"], "SECRET_KEY": KEY, "VAR_DIR": str(var)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def load(self, env: dict[str, str]) -> Answer:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(env) + "\n")
        self._process.stdin.flush()
        return Answer(*json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        self._process.communicate(timeout=10)


@pytest.fixture(scope="module")
def loader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loader]:
    loader = Loader(tmp_path_factory.mktemp("var"))
    yield loader
    loader.close()


@pytest.mark.parametrize(("env", "name", "words"), WEAK)
def test_a_weak_setting_refuses_to_start_with_one_line_that_names_it(
    loader: Loader, env: dict[str, str], name: str, words: str
) -> None:
    code, said = loader.load(env)
    line, last = said.splitlines()
    assert code == 2
    assert line.startswith(f"{name}: ")
    assert words in line
    assert last.startswith("Not started.")
    for value in env.values():
        assert len(value) < 12 or value not in said


@pytest.mark.parametrize("env", GOOD)
def test_a_setting_that_is_not_weak_is_taken(loader: Loader, env: dict[str, str]) -> None:
    assert loader.load(env) == (0, "")


def test_the_containers_command_tells_all_weak_settings_at_once_and_starts_nothing() -> None:
    weak = {"SECRET_KEY": "change-me", "DEBUG": "1", "ALLOWED_HOSTS": "*", "METRICS_TOKEN": "x"}
    weak |= {"CELERY_MODE": "separate", "OPENAI_API_KEY": "sk-..."}
    stack = Stack({**weak, **PUBLIC})
    try:
        assert stack.launch().wait(60) == 2
        named = [line.split(":")[0] for line in stack.log_text().splitlines()]
        assert named[:-1] == sorted(weak)
    finally:
        stack.close()
