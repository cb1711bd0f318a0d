"""Settings: every one listed, every fault told at once, nothing weak by accident."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.environment import names_of_settings
from tests.services.run import REPOSITORY

SETTINGS = REPOSITORY / "project" / "settings.py"


LOAD = "import project.settings as s; print(s.SECRET_KEY, s.REDIS_URL)"


def check(tmp_path: Path, code: str = LOAD, **env: str) -> subprocess.CompletedProcess[str]:
    """What loading the settings says, or ``code``, with nothing but ``env``."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "SECRET_KEY": "for-tests-only-" * 4, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_env_example_lists_exactly_the_settings_that_are_read() -> None:
    read = re.findall(r'env\.\w+\(\s*"([A-Z0-9_]+)"', SETTINGS.read_text())
    assert sorted(names_of_settings()) == sorted(set(read))


def test_all_bad_values_are_reported_at_once_by_name(tmp_path: Path) -> None:
    bad = {"PROCESS_ROLE": "banana", "PORT": "no", "BASE_URL": "ftp://x", "LEASE_SECONDS": "0"}
    bad |= {"DATABASE_URL": "mysql://root@db/x", "REDIS_URL": "http://x", "LOG_FORMAT": "xml"}
    result = check(tmp_path, **bad)
    assert result.returncode == 2
    assert {line.split(":")[0] for line in result.stderr.splitlines()[:-1]} == set(bad)
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("role", ["web", "worker"])
def test_a_split_role_refuses_what_the_other_container_would_not_see(
    tmp_path: Path, role: str
) -> None:
    refused = check(tmp_path, PROCESS_ROLE=role)
    assert refused.returncode == 2
    assert "SQLite" in refused.stderr
    assert "bucket" in refused.stderr
    assert "REDIS_URL:" in refused.stderr
    assert check(tmp_path, PROCESS_ROLE=role, SHARED_VOLUME="1").returncode == 0


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file" * 5 + "\n")
    result = check(tmp_path, SECRET_KEY="", SECRET_KEY_FILE=str(tmp_path / "key"))
    assert result.stdout.split()[0] == "from-a-file" * 5


def test_a_secret_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    result = check(tmp_path, SECRET_KEY_FILE=str(tmp_path / "absent"))
    assert result.returncode == 2
    assert "SECRET_KEY_FILE" in result.stderr


def test_a_public_site_needs_a_secret_key_of_its_own(tmp_path: Path) -> None:
    result = check(tmp_path, SECRET_KEY="", BASE_URL="https://notas.example.com")
    assert result.returncode == 2
    assert result.stderr.startswith("SECRET_KEY:")


def test_a_fault_of_a_url_does_not_repeat_its_password(tmp_path: Path) -> None:
    result = check(tmp_path, DATABASE_URL="mysql://root:hunter2@db/x")
    assert result.returncode == 2
    assert "hunter2" not in result.stderr + result.stdout


def test_the_vendor_needs_a_key(tmp_path: Path) -> None:
    result = check(tmp_path, TRANSCRIBER="openai", CLASSIFIER="llm")
    assert result.returncode == 2
    assert result.stderr.count("OPENAI_API_KEY") == 2


def test_a_bucket_without_endpoint_needs_its_region(tmp_path: Path) -> None:
    refused = check(tmp_path, S3_BUCKET="notes")
    assert refused.stderr.startswith("S3_REGION:")
    assert check(tmp_path, S3_BUCKET="notes", S3_REGION="sa-east-1").returncode == 0


def test_a_redis_url_that_cannot_be_taken_apart_is_named_without_its_password(
    tmp_path: Path,
) -> None:
    refused = check(tmp_path, REDIS_URL="redis://:hun/ter2@db:6379/0")
    assert refused.stderr.startswith("REDIS_URL:")
    assert "ter2" not in refused.stderr
    assert "Traceback" not in refused.stderr


def test_what_an_old_key_has_signed_stays_valid_while_it_is_a_fallback(tmp_path: Path) -> None:
    old, new = "an-old-key-for-tests-only-" * 3, "a-new-key-for-tests-only-" * 3
    sign = "from django.core.signing import dumps, loads; import os, django; django.setup()\n"
    env = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "project.settings"}

    def run(code: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", sign + code]
        whole = {**env, "VAR_DIR": str(tmp_path), **more}
        return subprocess.run(
            command, cwd=REPOSITORY, env=whole, capture_output=True, text=True, check=False
        )

    signed = run("print(dumps('session'))", SECRET_KEY=old).stdout.strip()
    ask = f"print(loads({signed!r}))"
    assert run(ask, SECRET_KEY=new, SECRET_KEY_FALLBACKS=old).stdout == "session\n"
    assert "BadSignature" in run(ask, SECRET_KEY=new).stderr
