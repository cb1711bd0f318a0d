"""The storm of bin/soak: faults that overlap, and phones that do not give up."""

from __future__ import annotations

import random
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Event
from typing import Any

import httpx2

from tests.faults.rig import Rig, Sent
from tests.faults.table import fill
from tests.marks import marked
from tests.services import proc, wait_for
from tests.stack import Refused, Stack

PHONES = 3
#: Between two notes of a phone, and between two tries of one that got no answer.
PAUSE = 1.0
#: Between the starts of two faults; longer ones overlap, if they concern different parts.
GAP = (6.0, 13.0)
#: Hanging calls are cut after half a stage; the waits between tries grow up to five minutes.
ENV = {"STAGE_SECONDS": "40", "WORKER_THREADS": "16"}
SETTLE_SECONDS = 900.0
STEADY_SECONDS = 10.0

PROVIDER_FAULTS: dict[str, dict[str, Any]] = {
    "429": {"status": 429, "headers": {"Retry-After": "2"}},
    "500": {"status": 500},
    "503": {"status": 503, "headers": {"Retry-After": "2"}},
    "hangs": {"hang": 300},
    "hangs up": {"reset": True},
    "talks rubbish": {"status": 200, "body": "<html>oops", "content_type": "text/html"},
}

#: What a fault does, given how long it shall last.
Action = Callable[[float], None]


class Storm:
    """Does one fault at a time to each part of the product, and heals it again."""

    def __init__(self, rig: Rig, seed: int) -> None:
        self.rig = rig
        self.random = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.began = time.monotonic()
        self._second: Stack | None = None
        self._pool = ThreadPoolExecutor(5)
        self._busy: dict[str, Future[None]] = {}
        self._faults = [*self._own_faults(), *self._faults_of_the_provider()]

    def _own_faults(self) -> list[tuple[str, str, Action]]:
        """Part, name and action of each."""
        return [
            ("container", "worker killed", self._kill_worker),
            ("container", "web worker killed", self._kill_web),
            ("container", "worker frozen", self._freeze_worker),
            ("container", "container restarted", self._restart_container),
            ("redis", "Redis frozen", self._freeze_redis),
            ("redis", "Redis down", self._stop_redis),
            ("redis", "Redis flushed", lambda _: self.rig.valkey.flushall()),
            ("database", "PostgreSQL restarted", self._restart_database),
            ("second", "second worker comes or goes", self._toggle_second_worker),
        ]

    def _faults_of_the_provider(self) -> list[tuple[str, str, Action]]:
        return [
            ("provider", f"provider {name}", partial(self._break_provider, name))
            for name in PROVIDER_FAULTS
        ]

    def blow(self, seconds: float) -> None:
        """Faults until the time is over; back when all parts are healed."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._begin_fault()
            self._watch(self.random.uniform(*GAP))
        wait_for(lambda: not self._busy_parts(), 120, "a part does not recover")
        self._watch(0)
        self._pool.shutdown()

    def _begin_fault(self) -> None:
        busy = self._busy_parts()
        part, name, action = self.random.choice([one for one in self._faults if one[0] not in busy])
        seconds = self.random.uniform(3, 40 if name == "worker frozen" else 12)
        self.done[name] += 1
        self.say(name)
        self._busy[part] = self._pool.submit(action, seconds)

    def _busy_parts(self) -> set[str]:
        """The parts with a fault in work; one whose healing failed ends the soak."""
        for part, fault in list(self._busy.items()):
            if fault.done():
                self._busy.pop(part).result()
        return set(self._busy)

    def _watch(self, seconds: float) -> None:
        """Wait, and start a container that has ended by itself, as a platform does."""
        elapse(seconds)
        if "container" not in self._busy_parts() and not self.rig.stack.process.alive:
            self.done["container ended by itself"] += 1
            self.say("container ended by itself; started again")
            self._start_container()

    def say(self, what: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self.began), 60)
        states = ", ".join(f"{name} {count}" for name, count in sorted(self._states().items()))
        print(
            f"{minutes:3}:{seconds:02} {what:<32} sent {len(self.rig.sent)}: {states}", flush=True
        )

    def _states(self) -> Counter[str]:
        try:
            return self.rig.states()
        except Exception:  # the database is just being restarted
            return Counter()

    # --- The container -------------------------------------------------------------------------

    def _kill_worker(self, seconds: float) -> None:
        proc.send(self.rig.stack.worker_pid(60), signal.SIGKILL)

    def _kill_web(self, seconds: float) -> None:
        running = {pid for pid, command in self.rig.stack.processes() if "bin/gunicorn" in command}
        children = [pid for pid, status in proc.table().items() if status.parent in running]
        proc.send(children, signal.SIGKILL)

    def _freeze_worker(self, seconds: float) -> None:
        worker = self.rig.stack.worker_pid(60)
        proc.send(worker, signal.SIGSTOP)
        elapse(seconds)
        proc.send(worker, signal.SIGCONT)

    def _restart_container(self, seconds: float) -> None:
        if self.rig.stack.process.alive:
            self.rig.stack.terminate()
        elapse(seconds)
        self._start_container()

    def _start_container(self) -> None:
        """A start may meet a database that is just going away; a platform would try again."""
        for _ in range(3):
            try:
                self.rig.stack.start()
                return
            except RuntimeError as fault:
                self.say(f"start failed: {str(fault).splitlines()[0][-60:]}")
        self.rig.stack.start()

    def _toggle_second_worker(self, seconds: float) -> None:
        if self._second is None:
            self._second = self.rig.add()
        elif self._second.process.alive:
            self._second.terminate()
        else:
            self._second.start()

    # --- What it stands on ---------------------------------------------------------------------

    def _freeze_redis(self, seconds: float) -> None:
        self.rig.valkey.suspend()
        elapse(seconds)
        self.rig.valkey.resume()

    def _stop_redis(self, seconds: float) -> None:
        self.rig.valkey.stop()
        elapse(seconds)
        self.rig.valkey.start()

    def _restart_database(self, seconds: float) -> None:
        assert self.rig.postgres
        self.rig.postgres.stop()
        elapse(seconds / 4)
        self.rig.postgres.start()

    def _break_provider(self, name: str, seconds: float) -> None:
        fault = PROVIDER_FAULTS[name]
        self.rig.provider.fail("transcriptions", times=int(seconds), **fault)


class Phones:
    """Send notes until told to stop, each until it is accepted."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.stopped = Event()
        self.tries = 0
        self._pool = ThreadPoolExecutor(PHONES)
        self._all = [self._pool.submit(self._keep_sending) for _ in range(PHONES)]

    def stop(self) -> None:
        """Let each get its last note accepted."""
        self.stopped.set()
        for phone in self._all:
            phone.result(timeout=120)
        self._pool.shutdown()

    def _keep_sending(self) -> None:
        while not self.stopped.wait(PAUSE):
            self._send(*marked())

    def _send(self, audio: bytes, mark: str) -> None:
        key, started = str(uuid.uuid4()), time.monotonic()
        while (note := self._try(audio, key)) is None:
            elapse(PAUSE)
        self.rig.sent.append(Sent(note, mark, time.monotonic() - started))

    def _try(self, audio: bytes, key: str) -> str | None:
        """The id of the note, or None if there was no answer, or one that says "again later"."""
        self.tries += 1
        try:
            return str(self.rig.owner.upload(audio, idempotency_key=key)["id"])
        except httpx2.TransportError:
            return None
        except Refused as refused:
            if refused.status not in (409, 503):  # 409: an earlier try may still be alive
                raise
            return None


def soak(minutes: float, seed: int, *, write: bool) -> int:
    """The whole soak; the exit code."""
    with Rig(env=ENV) as rig:
        rig.provider.latency["transcriptions"] = 1.0
        phones, storm = Phones(rig), Storm(rig, seed)
        elapse(STEADY_SECONDS)
        storm.blow(minutes * 60)
        phones.stop()
        ended = time.monotonic()
        storm.say("the storm is over")
        rig.settle(SETTLE_SECONDS)
        storm.say("all notes have ended")
        faults = sum(storm.done.values())
        kinds = ", ".join(f"{name} {count}" for name, count in sorted(storm.done.items()))
        remark = f"seed {seed}, {minutes:g} min, {faults} faults ({kinds}); {phones.tries} uploads"
        try:
            row = rig.close_books(
                "Soak", recovery=time.monotonic() - ended, of="from the last fault", remark=remark
            )
        except AssertionError as broken:
            print(f"FAILED: {str(broken)[:400]}")
            return 1
    print(f"ok: {faults} faults in {minutes:g} min; every accepted note is accounted for")
    if write:
        recovery = f"all had ended {row.recovery:.0f} s after the last fault"
        fill(
            "soak",
            f"{minutes:g} minutes, seed {seed}: {faults} faults ({kinds}); {row.accepted} notes"
            f" accepted, {row.completed} completed, {row.failed} failed with a reason,"
            f" **{row.lost} lost, {row.doubled} doubled**; {row.calls} calls to the provider;"
            f" {recovery}.",
        )
    return 0


def elapse(seconds: float) -> None:
    """Let time pass: a fault that lasts, a phone that waits."""
    Event().wait(seconds)
