"""What goes on in a worker beside its notes: leases renewed, due work found, health watched."""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from typing import Any

import dramatiq
from django.conf import settings
from django.db import connections

from notes import duties, pipeline, sweeper
from notes.leases import leases
from notes.memory import give_back
from notes.models import Heartbeat
from notes.provider import ProviderError
from notes.vitals import Vitals
from notes.webhooks import delivering
from notes.webhooks.postman import postman
from project.health_check import say_alive

log = logging.getLogger(__name__)


class Loop(Thread):
    """Calls ``body`` now and then every ``seconds``, whatever it raises, until stopped."""

    def __init__(self, name: str, seconds: float, body: Callable[[], object]) -> None:
        super().__init__(name=name, daemon=True)
        self._seconds = seconds
        self._body = body
        self._stopped = Event()

    def run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._body()
            except Exception as fault:
                log.error("%s: %s; trying again", self.name, type(fault).__name__)
                log.debug("%s", self.name, exc_info=True)
            finally:
                connections.close_all()
            self._stopped.wait(self._seconds)

    def stop(self) -> None:
        """Do not begin another round."""
        self._stopped.set()


class Crew:
    """The threads of one worker, started and ended with Dramatiq's own."""

    def __init__(self, broker: dramatiq.Broker, worker: Any) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self._threads: list[Any] = worker.workers
        self._consumers: list[Any] = list(worker.consumers.values())
        self._actors = ", ".join(sorted(broker.get_declared_actors()))
        self._vitals = Vitals()
        self._renewal = Loop("leases", settings.LEASE_SECONDS / 4, leases.renew)
        self._loops = [
            Loop("sweep", settings.SWEEP_SECONDS, self._sweep),
            # Apart from the sweep: a slow bucket must not keep due notes waiting.
            Loop("duties", settings.SWEEP_SECONDS, duties.run_due),
            Loop("webhooks", settings.SWEEP_SECONDS, postman.wake),
            Loop("watchdog", 1, Watchdog(worker)),
        ]

    def start(self) -> None:
        """Begin, and say which actors this worker serves."""
        log.info("worker %s serves %s", self.name, self._actors)
        postman.start(delivering.deliver_next)
        for loop in (self._renewal, *self._loops):
            loop.start()
        Thread(name="warm-up", target=_warm_up, daemon=True).start()

    def drain(self) -> None:
        """Claim nothing more, let running calls end, and hand back what does not end in time.

        Dramatiq would wait for its threads too, but with many of them for a fraction of the time:
        for each it takes off again what it has waited for all before. So none are left to it; those
        without work end with the process.
        """
        for loop in self._loops:
            loop.stop()
        postman.stop()
        # At once, or a ring that comes now would be used up here instead of by our successor.
        for thread in (*self._consumers, *self._threads):
            thread.stop()
        last_moment = time.monotonic() + drain_seconds()
        leases.drain(last_moment - time.monotonic())
        postman.wait(last_moment - time.monotonic())
        _hand_back()
        self._threads.clear()

    def dismiss(self) -> None:
        """Strike this worker off the list of the living."""
        Heartbeat.objects.filter(worker=self.name).delete()
        connections.close_all()

    def _sweep(self) -> None:
        # Before the database: a container is not ill because its database is.
        say_alive()
        Heartbeat.beat(self.name, self._vitals.sample(leases.count()))
        sweeper.sweep()
        give_back()


def _warm_up() -> None:
    with suppress(ProviderError, OSError):
        pipeline.warm_up()


def _hand_back() -> None:
    try:
        if count := leases.hand_back():
            log.info("handed back %d unfinished notes", count)
        if count := delivering.hand_back():
            log.info("handed back %d unfinished deliveries", count)
    finally:
        connections.close_all()


def drain_seconds() -> float:
    """How long running calls may take after SIGTERM; the rest of the grace is for the exit."""
    return max(1.0, settings.STOP_GRACE_SECONDS - 4.0)


class Watchdog:
    """Ends a worker that looks alive and is not; its supervisor starts a new one."""

    def __init__(self, worker: Any) -> None:
        self._worker = worker
        self._supervisor = int(os.environ.get("BAU_SUPERVISOR_FD", "-1"))

    def __call__(self) -> None:
        if self._supervisor_is_gone():
            log.error("the supervisor is gone; stopping")
            self._supervisor = -1
            os.kill(os.getpid(), signal.SIGTERM)
        if not all(consumer.is_alive() for consumer in self._worker.consumers.values()):
            log.critical("a consumer thread has died; ending this worker to get a new one")
            try:
                _hand_back()
            finally:
                os._exit(3)

    def _supervisor_is_gone(self) -> bool:
        """The supervisor holds the other end of a pipe; only its death makes ours readable."""
        if self._supervisor < 0:
            return False
        readable, _, _ = select.select([self._supervisor], [], [], 0)
        return bool(readable)
