"""The process that :mod:`project.worker` keeps running: Dramatiq's worker, without its master.

Dramatiq's own command puts a master around each worker, which forks it, passes signals and lines
on, and ends when it ends. Our supervisor does all that, and the master would hold 14 MB.
"""

from __future__ import annotations

import logging
import os
import signal
import sys

import django_dramatiq.setup  # noqa: F401  # Django first, and with it the broker
import dramatiq
from django.conf import settings

import notes.tasks  # noqa: F401  # the actors

#: For the consumers, which look up every IDLE_SECONDS (notes.broker); for the threads we wait
#: ourselves (notes.worker).
STOP_MILLISECONDS = 2_500


def main() -> int:
    """Serve until SIGTERM or SIGINT; 0."""
    told, tell = os.pipe()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os.write(tell, b"."))
    broker = dramatiq.get_broker()
    broker.emit_after("process_boot")
    worker = dramatiq.Worker(broker, worker_threads=settings.WORKER_THREADS)
    worker.start()
    os.read(told, 1)
    worker.stop(timeout=STOP_MILLISECONDS)
    broker.close()
    return 0


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    sys.stdout.flush()
    # Threads without work still sleep, and would wake in an interpreter that is half gone.
    os._exit(code)
