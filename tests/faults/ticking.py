"""Settings of a product whose only periodic duty is to say "tick" every few seconds (T16)."""

from __future__ import annotations

import time
from datetime import timedelta

from django.apps import AppConfig

from project.settings import *  # noqa: F403
from project.settings import INSTALLED_APPS as OURS

EVERY_SECONDS = 5
INSTALLED_APPS = [*OURS, "tests.faults.ticking.Ticking"]


class Ticking(AppConfig):
    """Puts the tick in place of the product's own duties."""

    name = "tests.faults"
    label = "ticking"

    def ready(self) -> None:
        from notes import duties

        duties.DUTIES = {"tick": (timedelta(seconds=EVERY_SECONDS), tick)}


def tick() -> None:
    print(f"tick at {time.time():.3f}", flush=True)
