"""Database, schema, Redis and storage."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from notes.broker import broker
from notes.doctor.finding import FAIL, OK, WARN, Finding, worst
from notes.health import check_database, check_migrations
from notes.probe import StorageRefuses, StorageSilent, probe_storage
from project.environment import is_local

#: What the tests run with is newer; BLPOP with scripts and 6.2's LIST commands are what is used.
OLDEST_REDIS = (6, 2)
#: Above this share of maxmemory Redis will soon refuse rings.
FULL_SHARE = 0.9


def database() -> Finding:
    try:
        check_database()
    except Exception as fault:
        # Its text may quote the address with the password.
        text = f"does not answer ({type(fault).__name__})"
        return Finding(FAIL, text, "Start it, or see DATABASE_URL.")
    return Finding(OK, f"{connection.display_name} answers")


def migrations() -> Finding:
    try:
        check_migrations()
    except RuntimeError:
        return Finding(FAIL, "the schema is older than this code", "Run: manage.py prepare")
    except Exception as fault:
        return Finding(FAIL, f"could not be read ({type(fault).__name__})", "See DATABASE_URL.")
    return Finding(OK, "up to date")


def redis() -> Finding:
    """Does it answer, and is it set up not to forget or drop what it is told?"""
    try:
        info = broker().bell.info()
    except Exception as fault:
        text = f"does not answer ({type(fault).__name__}); notes are kept, but wait"
        return Finding(FAIL, text, "Start it, or see REDIS_URL.")
    return worst([_version(info), _eviction(info), _fullness(info), _persistence(info), _login()])


def _version(info: dict[str, Any]) -> Finding:
    name = "Valkey" if "valkey_version" in info else "Redis"
    version = str(info.get("valkey_version") or info.get("redis_version"))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    if numbers < OLDEST_REDIS:
        oldest = ".".join(map(str, OLDEST_REDIS))
        return Finding(WARN, f"{name} {version} is too old", f"Use {oldest} or newer.")
    return Finding(OK, f"{name} {version} answers")


def _eviction(info: dict[str, Any]) -> Finding:
    """With any other policy a full Redis drops rings that nobody has heard."""
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy == "noeviction":
        return Finding(OK, "")
    text = f"drops keys when it is full (maxmemory-policy {policy})"
    return Finding(WARN, text, "Set: CONFIG SET maxmemory-policy noeviction")


def _fullness(info: dict[str, Any]) -> Finding:
    limit, used = int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    if not limit or used < FULL_SHARE * limit:
        return Finding(OK, "")
    text = f"uses {used / limit:.0%} of its maxmemory"
    return Finding(WARN, text, "Raise maxmemory, or find out who else uses it.")


def _persistence(info: dict[str, Any]) -> Finding:
    """The rows remember all; but without a file each restart costs waiting notes a sweep."""
    if int(info.get("aof_enabled", 0)):
        if info.get("aof_last_write_status", "ok") == "ok":
            return Finding(OK, "")
        return Finding(WARN, "cannot write its append-only file", "Give its disk room.")
    text = "forgets the rings when it restarts; the sweep rings again"
    return Finding(WARN, text, "Start it with --appendonly yes.")


def _login() -> Finding:
    parts = urlsplit(settings.REDIS_URL)
    if parts.scheme == "unix" or is_local(settings.REDIS_URL) or parts.password:
        return Finding(OK, "")
    text = "asks for no password, and is on another machine"
    return Finding(WARN, text, "Start it with --requirepass and put that in REDIS_URL.")


def storage() -> Finding:
    bucket = settings.S3_BUCKET
    try:
        probe_storage()
    except (StorageRefuses, StorageSilent) as fault:
        text, _, step = str(fault).partition(". ")
        return Finding(FAIL, text, f"{step}.")
    return Finding(OK, f"bucket {bucket}" if bucket else f"folder {settings.MEDIA_ROOT}")
