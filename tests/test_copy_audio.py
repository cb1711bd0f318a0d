"""Audio moves from a folder to the storage that is set, under the same names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from notes.storage import read_audio
from project.storages import folder_storage

KEYS = ("audio/2026-11-22/one", "audio/2026-11-23/two")


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.MEDIA_ROOT = str(tmp_path / "new")
    settings.STORAGES = {**settings.STORAGES, "default": folder_storage(settings.MEDIA_ROOT)}
    for key in KEYS:
        path = tmp_path / "old" / key
        path.parent.mkdir(parents=True)
        path.write_bytes(key.encode())
    return tmp_path / "old"


def test_all_audio_is_copied_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("copy_audio", folder)
    assert [read_audio(key) for key in KEYS] == [key.encode() for key in KEYS]
    call_command("copy_audio", folder)
    first, second = capsys.readouterr().out.splitlines()
    assert first == "2 are there, 2 of them copied now."
    assert second == "2 are there, 0 of them copied now."
    assert (folder / KEYS[0]).exists()


def test_a_storage_that_fails_is_told_with_what_to_do(folder: Path, settings: Any) -> None:
    Path(settings.MEDIA_ROOT).write_text("a file where a folder should be")
    with pytest.raises(CommandError, match="Run the same command again") as fault:
        call_command("copy_audio", folder)
    assert fault.value.returncode == 1


def test_what_makes_no_sense_is_refused(folder: Path, settings: Any) -> None:
    for wrong, why in ((folder / "absent", "no folder"), (Path(settings.MEDIA_ROOT), "set S3")):
        Path(settings.MEDIA_ROOT).mkdir(exist_ok=True)
        with pytest.raises(CommandError, match=why) as fault:
            call_command("copy_audio", wrong)
        assert fault.value.returncode == 2
