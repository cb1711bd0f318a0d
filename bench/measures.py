"""What is measured, each of it alike on both sides. Every function gives figures by name."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from bench.sides import Side, cpu_seconds, pss_megabytes
from tests.marks import marked
from tests.services import wait_for

Figures = dict[str, float]


@dataclass(frozen=True)
class Measure:
    """``ask`` is done on each side in turn. ``role``: which of its processes run then."""

    name: str
    ask: Callable[[Side, Scale], Figures]
    role: str = "all"
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Scale:
    """How much is asked: ``small`` for a smoke run. ``repeat`` rounds, interleaved."""

    repeat: int = 3
    small: bool = False

    def of(self, many: int, few: int) -> int:
        return few if self.small else many


def median(values: Iterable[float]) -> float:
    return statistics.median(list(values))


def p95(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]


def recordings(count: int) -> list[tuple[bytes, str]]:
    """So many, each with a mark of its own in its sound."""
    return [marked() for _ in range(count)]


def send(side: Side, audios: list[bytes], clients: int) -> tuple[list[float], float]:
    """Upload all by so many clients at once: seconds of each, and of the whole."""
    waiting, taken, lock = list(audios), [], threading.Lock()

    def client() -> None:
        connection = side.connection()
        while True:
            with lock:
                if not waiting:
                    break
                audio = waiting.pop()
            taken.append(side.upload(connection, audio)[0])
        connection.close()

    begun = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        for done in [pool.submit(client) for _ in range(clients)]:
            done.result()
    return taken, time.monotonic() - begun


def upload(side: Side, scale: Scale) -> Figures:
    """Accepted uploads with no worker running: latency, rate, CPU of web, statements."""
    count = scale.of(150, 20)
    audios = [audio for audio, _ in recordings(2 * count + 20)]
    send(side, audios[:20], 8)  # connections and caches
    before = cpu_seconds(side.web())
    alone, _ = send(side, audios[20 : 20 + count], 1)
    together, seconds = send(side, audios[20 + count :], 16)
    cpu = cpu_seconds(side.web()) - before
    return {
        "upload, 1 client, p50 ms": 1000 * median(alone),
        "upload, 1 client, p95 ms": 1000 * p95(alone),
        "upload, 16 clients, p50 ms": 1000 * median(together),
        "uploads/s, 16 clients": count / seconds,
        "web CPU per upload, ms": 1000 * cpu / (2 * count),
        "SQL statements per upload": _statements(side, 10, wait=False),
    }


def _statements(side: Side, count: int, *, wait: bool) -> float:
    """Per note, BEGIN and COMMIT not counted; with ``wait`` until the notes have ended."""
    audios = [audio for audio, _ in recordings(count)]
    side.servers.log_statements(True)
    since = side.servers.postgres.log.stat().st_size
    send(side, audios, 1)
    if wait:
        wait_for(lambda: len(side.servers.asked("chat")) >= count, 60, "no chat")
        time.sleep(0.5)  # the last result's statements; asking the database would add ours
    side.servers.log_statements(False)
    return len(side.servers.statements(side.database, since)) / count


def pick_up(side: Side, scale: Scale) -> Figures:
    """An idle worker: from web's answer to the first call; from transcription's end to chat."""
    side.servers.provide()
    connection = side.connection()
    for audio, _ in recordings(4):
        side.upload(connection, audio)
    side.settle()
    picked, handed = [], []
    for audio, _ in recordings(scale.of(20, 4)):
        side.servers.provide()
        _, answered = side.upload(connection, audio)
        wait_for(lambda: side.servers.asked("chat"), 30, "no chat")
        [heard] = side.servers.asked("transcriptions")[:1]
        [asked] = side.servers.asked("chat")[:1]
        picked.append(1000 * (heard["started"] - answered))
        handed.append(1000 * (asked["started"] - heard["ended"]))
        side.settle()
    return {
        "pick-up, p50 ms": median(picked),
        "pick-up, p95 ms": p95(picked),
        "hand-off, p50 ms": median(handed),
    }


def idle(side: Side, scale: Scale) -> Figures:
    """CPU of worker and Valkey, and memory of all processes, while nothing happens."""
    side.servers.provide()
    send(side, [audio for audio, _ in recordings(5)], 1)
    side.settle()
    time.sleep(scale.of(6, 1))  # what a first note sets off has to end
    groups = side.worker() | side.servers.valkey.process.family()
    seconds = scale.of(15, 2)
    before, begun = cpu_seconds(groups), time.monotonic()
    time.sleep(seconds)
    used = (cpu_seconds(groups) - before) / (time.monotonic() - begun)
    return {
        "idle CPU, worker and Redis, % of a core": 100 * used,
        "memory idle after use, MB PSS": pss_megabytes(side.process.family()),
    }


def drain(side: Side, scale: Scale) -> Figures:
    """A backlog at 5 s + 1 s: notes an hour, CPU a note, memory at its highest."""
    product = side.name == "product"
    count = scale.of(200, 8) if product else scale.of(10, 4)
    side.servers.provide(*((0.5, 0.1) if scale.small else (5.0, 1.0)))
    audios = [audio for audio, _ in recordings(count)]
    before, memory = cpu_seconds(side.worker()), 0.0
    over = threading.Event()

    def watch() -> None:
        nonlocal memory
        while not over.wait(1.0):
            memory = max(memory, pss_megabytes(side.process.family()))

    watcher = threading.Thread(target=watch, daemon=True)
    begun = time.monotonic()
    watcher.start()
    send(side, audios, 8)
    ended = side.settle(180)
    over.set()
    watcher.join()
    cpu = cpu_seconds(side.worker()) - before
    return {
        "notes/h at 5 s + 1 s": 3600 * count / (ended - begun),
        "worker CPU per note, ms": 1000 * cpu / count,
        "memory under load, MB PSS": memory,
    }


def per_note(side: Side, scale: Scale) -> Figures:
    """Statements of web and worker for a note, one at a time."""
    side.servers.provide()
    return {"SQL statements per note, web and worker": _statements(side, 10, wait=True)}


def start(side: Side, scale: Scale) -> Figures:
    """From the command to the first 200, migrations done before."""
    side.process.kill()
    begun = time.monotonic()
    side.launch()

    def answers() -> bool:
        connection = side.connection()
        try:
            connection.request("GET", side.health_path)
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    side.process.wait_ready(answers, 60, "alive")
    return {"start to first 200, s": time.monotonic() - begun}


MEASURES = (
    Measure("upload", upload, role="web"),
    Measure("start", start),
    Measure("pick-up", pick_up),
    Measure("idle", idle),
    Measure("per-note", per_note),
    Measure("drain", drain),
    Measure("drain-128", drain, env={"WORKER_THREADS": "128"}),
)
