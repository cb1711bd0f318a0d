"""gunicorn reads this file by itself when it is started in this folder."""

from __future__ import annotations

import gc
from importlib import import_module
from pathlib import Path
from typing import Any

from project import cores, settings
from project.logs import logging_config
from project.web import CLOSED, Crowd

wsgi_app = "project.wsgi"
bind = f"0.0.0.0:{settings.PORT}"
worker_class = "project.web.PatientWorker"
logger_class = "project.web.QuietLogger"
workers = settings.WEB_CONCURRENCY
threads = settings.WEB_THREADS
# What several processes load alike they share. One alone has nobody to share with, and a master
# without Django.
preload_app = workers > 1
# Uploads in progress may end; the rest of the grace belongs to the worker beside us.
graceful_timeout = max(1, settings.STOP_GRACE_SECONDS - 3)
# A heartbeat file on a slow disk would get healthy workers killed.
# gunicorn makes a file of its own there, with a random name and for itself alone.
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # nosec B108
worker_tmp_dir = str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None
max_requests = 10_000
max_requests_jitter = 1_000
control_socket_disable = True
logconfig_dict = logging_config(
    {"format": settings.LOG_FORMAT, "level": settings.LOG_LEVEL, "role": "web"}
)

#: More processes than anybody has cores for.
crowd = Crowd(64)


def when_ready(server: Any) -> None:
    """Before processes that share what is loaded are forked."""
    if preload_app:
        settle()


def post_worker_init(worker: Any) -> None:
    """In a process that shares nothing, once it has loaded the application."""
    if not preload_app:
        settle()


def settle() -> None:
    """Load what the first request would, and keep the collector of garbage from going through it.

    What is loaded stays, and a collector that looks at shared pages of memory copies them. What a
    request leaves behind goes as its last reference does; cycles are few, and can wait.
    """
    import_module(settings.ROOT_URLCONF)
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20)


def pre_fork(server: Any, worker: Any) -> None:
    """Choose a core for a process, unlike those of its living siblings, and a place of its own."""
    siblings = list(server.WORKERS.values())
    used = [other.core for other in siblings]
    worker.core = cores.least_used(used) if settings.KEEP_TO_CORES else None
    # Not those from before this file was read again: they know another crowd.
    taken = [other.place for other in siblings if other.crowd is crowd]
    worker.crowd, worker.place = crowd, crowd.free_place(taken)


def child_exit(server: Any, worker: Any) -> None:
    """Leave no new connection to a process that is gone."""
    worker.crowd.say(worker.place, CLOSED)


def post_fork(server: Any, worker: Any) -> None:
    """Keep to it, before there are threads."""
    cores.keep_to(worker.core)
