"""Debian's Chromium: where it is, how it is started, and what it is told to hear."""

from __future__ import annotations

import os
import shutil
import wave
from pathlib import Path

import av
import numpy
import pytest
from playwright.sync_api import Browser, Playwright

MISSING = "Chromium is missing: apt-get install chromium"
RATE = 48_000


def executable() -> str:
    """Chromium's path; without one the test is skipped, or fails where CI is set."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found:
        return found
    if os.environ.get("CI"):
        pytest.fail(MISSING)
    pytest.skip(MISSING)


def launch(playwright: Playwright, microphone: Path | None = None) -> Browser:
    """Chromium without a screen; ``microphone`` is a WAV that it hears once, then silence."""
    hears = [f"--use-file-for-fake-audio-capture={microphone}%noloop"] if microphone else []
    return playwright.chromium.launch(
        executable_path=executable(),
        args=[
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            "--autoplay-policy=no-user-gesture-required",
            # Everything is on this machine, and tests run as root in containers.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--no-proxy-server",
            *hears,
        ],
    )


def as_wav(clip: Path, to: Path, *, silence_before: float = 0.0) -> Path:
    """``clip`` as the WAV that Chromium takes for a microphone, after seconds of silence."""
    resampler = av.AudioResampler("s16", "mono", RATE)
    pieces = [numpy.zeros(int(silence_before * RATE), dtype=numpy.int16)]
    with av.open(str(clip), "r") as container:
        for frame in [*container.decode(audio=0), None]:
            pieces += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
    with wave.open(str(to), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(numpy.concatenate(pieces).astype("<i2").tobytes())
    return to
