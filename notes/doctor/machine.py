"""The machine we run on: its clock and its disks."""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from django.conf import settings
from django.db import connection

from notes.doctor.finding import FAIL, OK, WARN, Finding, worst

#: Signed links live five minutes, and a bucket refuses a clock that is a quarter of an hour off.
CLOCK_WARN, CLOCK_FAIL = 30, 300
MB = 1024 * 1024


def clock() -> Finding:
    """Ours against the database's, by which notes are scheduled."""
    # SQLite's clock is our own.
    if connection.vendor == "sqlite":
        return Finding(OK, "the database is on this machine")
    off = abs((_now() - _database_clock()).total_seconds())
    text = f"{off:.0f} s off the database's"
    if off < CLOCK_WARN:
        return Finding(OK, text)
    return Finding(FAIL if off > CLOCK_FAIL else WARN, text, "Set it: timedatectl set-ntp true")


def _now() -> datetime:
    return datetime.now(UTC)


def _database_clock() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        return cast(datetime, cursor.fetchone()[0])


def disk() -> Finding:
    """Room for the largest upload, many times over, wherever we write."""
    places = {"the folder for temporary files": Path(tempfile.gettempdir())}
    if not settings.S3_BUCKET:
        places["MEDIA_ROOT"] = Path(settings.MEDIA_ROOT)
    if connection.vendor == "sqlite":
        places["the folder of SQLite"] = Path(str(connection.settings_dict["NAME"])).parent
    return worst(_room(name, path) for name, path in places.items())


def _room(name: str, path: Path) -> Finding:
    while not path.exists():
        path = path.parent
    free = shutil.disk_usage(path).free
    text = f"{free // MB:,} MB are free in {name}"
    upload = settings.MAX_UPLOAD_MB * MB
    if free < 2 * upload:
        return Finding(FAIL, text, "Make room: uploads will be refused.")
    if free < 20 * upload:
        return Finding(WARN, text, "Make room soon, or keep audio in a bucket (S3_BUCKET).")
    return Finding(OK, text)
