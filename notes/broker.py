"""What we set on Dramatiq: a doorbell that never raises, a wake list, and a worker's life.

Messages carry a note's id and mean "look now". Delay queues, retries and results are not used:
the rows do all that.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable
from functools import partial
from threading import Event
from typing import Any, cast

import dramatiq
import redis
from django.conf import settings
from django.db import transaction
from dramatiq.brokers import redis as dramatiq_redis
from dramatiq.errors import ConnectionClosed
from redis.backoff import NoBackoff
from redis.retry import Retry

from notes.stages import Stage
from project import cores

log = logging.getLogger(__name__)

#: After a ring that failed, leave ringing to the sweep for so many seconds.
QUIET_SECONDS = 5.0
#: An idle consumer waits this long for a wake-up; it must stay below the socket timeout.
IDLE_SECONDS = 2

# Dramatiq's own script, and for "enqueue" one more step in the same trip: wake an idle consumer.
# A few marks are enough, however many notes arrive while nobody listens.
_DISPATCH = (
    dramatiq_redis._scripts["dispatch"]
    + b"""
if command == "enqueue" then
    redis.call("lpush", queue_full_name .. ".wake", "1")
    redis.call("ltrim", queue_full_name .. ".wake", 0, 15)
end
"""
)


class DoorbellBroker(dramatiq_redis.RedisBroker):
    """Dramatiq's Redis broker without delay queues, with short timeouts and a wake list."""

    def __init__(self, *, url: str, middleware: list[dramatiq.Middleware]) -> None:
        super().__init__(
            client=_client(url, connect=1, answer=IDLE_SECONDS + 1, retries=1),
            middleware=middleware,
            namespace="bau",
            # Free what a dead worker had fetched on any occasion, not on one command in a thousand.
            maintenance_chance=dramatiq_redis.MAINTENANCE_SCALE,
            heartbeat_timeout=30_000,
            dead_message_ttl=86_400_000,
        )
        self.scripts["dispatch"] = self.client.register_script(_DISPATCH)
        # An upload waits for the bell, so the bell gives up soon and tries once.
        self.bell = _client(url, connect=0.5, answer=0.5, retries=0)

    @property
    def consumer_class(self) -> type[WakingConsumer]:
        return WakingConsumer

    def declare_queue(self, queue_name: str) -> None:
        """Declare a queue, and no delay queue beside it: nobody would use it, but all poll it."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def _dispatch(self, command: str) -> Any:
        if command != "enqueue":
            return super()._dispatch(command)
        return partial(self._ring, command)

    def _ring(self, command: str, queue_name: str, message_id: str, data: bytes) -> Any:
        now_ms = int(time.time() * 1000)
        settings = (self.broker_id, self.heartbeat_timeout, self.dead_message_ttl, 0, 1000)
        arguments = [command, now_ms, queue_name, *settings, message_id, data]
        return self.scripts["dispatch"](keys=[self.namespace], args=arguments, client=self.bell)


class WakingConsumer(dramatiq_redis._RedisConsumer):
    """Waits for a wake-up instead of polling, and for a free thread instead of sleeping."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.room = Event()
        self.wake_key = f"{self.broker.namespace}:{self.queue_name}.wake"

    def __next__(self) -> Any:
        try:
            if not self.message_cache:
                self._fill_cache()
            return super().__next__() if self.message_cache else None
        except redis.RedisError as fault:
            # Redis may have handed out messages that never arrived, or not heard that some are
            # done with. It takes back what belongs to a name that is silent, so take a new one.
            self.broker.broker_id = str(uuid.uuid4())
            # Dramatiq restarts a consumer for refused connections only; a timeout or a full
            # memory would kill its thread.
            raise ConnectionClosed(fault) from None

    def _fill_cache(self) -> None:
        free = self.prefetch - self.outstanding_message_count
        if free <= 0:
            self.room.clear()
            if self.outstanding_message_count >= self.prefetch:
                self.room.wait(IDLE_SECONDS)
            return
        self.message_cache = self.broker.do_fetch(self.queue_name, free)
        if not self.message_cache:
            self.broker.client.blpop([self.wake_key], timeout=IDLE_SECONDS)

    def ack(self, message: Any) -> None:
        self._settle(super().ack, message)

    def nack(self, message: Any) -> None:
        self._settle(super().nack, message)

    def requeue(self, messages: Iterable[Any]) -> None:
        try:
            super().requeue(messages)
        except redis.RedisError as fault:
            # Dramatiq lets a worker that stops end in good order for this error only.
            raise ConnectionClosed(fault) from None

    def _settle(self, tell_redis: Callable[[Any], None], message: Any) -> None:
        """Tell Redis that a message is done with, if it listens.

        Dramatiq would hold the thread until it does; a message that comes again is harmless, since
        the row has no more work for it.
        """
        try:
            tell_redis(message)
        except (ConnectionClosed, redis.RedisError) as fault:
            log.info("Redis was not told that a message is done (%s)", type(fault).__name__)
        finally:
            self.room.set()


class WorkerLife(dramatiq.Middleware):
    """Starts and ends a worker's own threads with Dramatiq's.

    Middleware is loaded before Django's models are, hence the late import.
    """

    def before_worker_boot(self, broker: dramatiq.Broker, worker: Any) -> None:
        # A local Whisper computes in this process, without the interpreter's lock.
        if settings.KEEP_TO_CORES and settings.TRANSCRIBER == "openai":
            cores.keep_to(next(reversed(cores.in_turn()), None))

    def after_worker_boot(self, broker: dramatiq.Broker, worker: Any) -> None:
        from notes.worker import Crew

        self.crew = Crew(broker, worker)
        self.crew.start()

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: Any) -> None:
        self.crew.drain()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: Any) -> None:
        self.crew.dismiss()


def _client(url: str, *, connect: float, answer: float, retries: int) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=connect,
        socket_timeout=answer,
        retry=Retry(NoBackoff(), retries),
        max_connections=512,
    )


def broker() -> DoorbellBroker:
    """The one that django-dramatiq made from the settings."""
    return cast(DoorbellBroker, dramatiq.get_broker())


class Bell:
    """Rings for notes; after a failure quiet for a while, so a dead Redis costs one timeout."""

    def __init__(self) -> None:
        self._quiet_until = 0.0

    def ring(self, stage: Stage, note_id: uuid.UUID) -> bool:
        """Tell a worker to look at the note now; False if that failed, which is no error."""
        if time.monotonic() < self._quiet_until:
            return False
        message: dramatiq.Message[None] = dramatiq.Message(
            queue_name=stage.queue,
            actor_name=stage.actor,
            args=(str(note_id),),
            kwargs={},
            options={},
        )
        try:
            broker().enqueue(message)
        except redis.RedisError as fault:
            self._quiet_until = time.monotonic() + QUIET_SECONDS
            log.warning("Redis does not answer (%s); the sweep will ring.", type(fault).__name__)
            return False
        return True


bell = Bell()


def ring_on_commit(stage: Stage, note_id: uuid.UUID) -> None:
    """Ring as soon as the present transaction is committed; never earlier, never with an error."""
    transaction.on_commit(partial(_ring_or_leave_to_sweep, stage, note_id), robust=True)


def _ring_or_leave_to_sweep(stage: Stage, note_id: uuid.UUID) -> None:
    if not bell.ring(stage, note_id):
        from notes.models import Note

        # The sweep need not wait until this ring is old.
        Note.objects.filter(pk=note_id).update(rung_at=None)
