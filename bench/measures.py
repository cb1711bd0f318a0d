"""What is measured, each of it alike on both sides. Every function gives figures by name."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from bench.kinds import Figures, Scale
from bench.rush import rush
from bench.sides import Side, cpu_seconds, pss_megabytes
from tests.marks import marked
from tests.services import wait_for


def median(values: Iterable[float]) -> float:
    return statistics.median(list(values))


def p95(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]


def sounds(count: int) -> list[bytes]:
    """So many recordings of four seconds, each with a mark of its own in its sound."""
    return [marked()[0] for _ in range(count)]


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
    """Accepted uploads with no worker running: latency, rate, CPU of web, statements.

    One client, then sixteen at once, each a person of their own.
    """
    audios, waves = sounds(scale.of(150, 20)), _waves(side, scale.of(40, 2))
    send(side, sounds(20), 8)  # connections and caches
    rush(side.port, _waves(side, 1))
    before = cpu_seconds(side.web())
    alone, _ = send(side, audios, 1)
    together, seconds = rush(side.port, waves)
    cpu = cpu_seconds(side.web()) - before
    ones, took = rush(side.port, _waves(side, scale.of(40, 2), [side.headers] * len(side.crowd)))
    return {
        "upload, 1 client, p50 ms": 1000 * median(alone),
        "upload, 1 client, p95 ms": 1000 * p95(alone),
        "upload, 16 clients, p50 ms": 1000 * median(together),
        "uploads/s, 16 clients": len(together) / seconds,
        "uploads/s, 16 clients of one person": len(ones) / took,
        "web CPU per upload, ms": 1000 * cpu / (len(alone) + len(together)),
        "SQL statements per upload": _statements(side, sounds(10)),
    }


def _waves(side: Side, count: int, people: list[dict[str, str]] | None = None) -> list[list[bytes]]:
    """So many uploads of each of ``people`` (the crowd's, if not told), ready to be sent."""
    people = people or side.crowd
    return [[side.request(person, audio) for audio in sounds(count)] for person in people]


def _statements(side: Side, recordings: list[bytes]) -> float:
    """Per upload, BEGIN and COMMIT not counted, while no worker runs."""
    with side.servers.statements_of(side.database) as said:
        send(side, recordings, 1)
    return len(said) / len(recordings)


def pick_up(side: Side, scale: Scale) -> Figures:
    """An idle worker, milliseconds after web's answer: it takes the note; it calls the provider.

    A note is taken when the worker writes that into its row, which a trigger notes down. Then the
    product decodes it and looks for speech; the twin sends what it was given. The hand-off is
    from the end of the transcription to the chat request.
    """
    side.servers.provide()
    side.note_when_taken()
    connection = side.connection()
    for audio in sounds(4):
        side.upload(connection, audio)
    side.settle()
    picked, called, handed = [], [], []
    for audio in sounds(scale.of(40, 4)):
        side.servers.provide()
        _, answered = side.upload(connection, audio)
        at = time.time() - (time.monotonic() - answered)
        side.settle()
        picked.append(1000 * (side.last_taken() - at))
        [heard] = side.servers.asked("transcriptions")[:1]
        [asked] = side.servers.asked("chat")[:1]
        called.append(1000 * (heard["started"] - answered))
        handed.append(1000 * (asked["started"] - heard["ended"]))
    return {
        "pick-up, p50 ms": median(picked),
        "pick-up, p95 ms": p95(picked),
        "answer to the provider's call, p50 ms": median(called),
        "answer to the provider's call, p95 ms": p95(called),
        "hand-off, p50 ms": median(handed),
    }


def idle(side: Side, scale: Scale) -> Figures:
    """CPU of worker and Valkey, and memory of all processes, while nothing happens."""
    side.servers.provide()
    send(side, sounds(5), 1)
    side.settle()
    time.sleep(scale.of(5, 1))  # what a first note sets off has to end
    groups = side.worker() | side.valkey.process.family()
    seconds = scale.of(12, 2)
    before, begun = cpu_seconds(groups), time.monotonic()
    time.sleep(seconds)
    used = (cpu_seconds(groups) - before) / (time.monotonic() - begun)
    return {
        "idle CPU, worker and Redis, % of a core": 100 * used,
        "memory idle after use, MB PSS": pss_megabytes(side.process.family()),
    }


def drain(side: Side, scale: Scale) -> Figures:
    """A backlog at 5 s + 1 s: notes an hour, CPU a note, memory at its highest.

    The clock runs from when the worker may look at the backlog to the last note's end: the twin's
    10 notes and the product's 200, so that both have enough for some rounds of their threads. Where
    only the product's threads are other ones the twin takes 4. A few notes before them are not
    measured: each side loads with its first ones what it needs.
    """
    twins = 4 if side.env else 10
    count = scale.of(200, 8) if side.name == "product" else scale.of(twins, 4)
    side.servers.provide(0.1, 0.1)
    send(side, sounds(scale.of(8, 2)), 8)
    side.settle()
    side.servers.provide(*((0.5, 0.1) if scale.small else (5.0, 1.0)))
    with side.worker_stopped():
        send(side, sounds(count), 8)
        before, begun = cpu_seconds(side.worker()), time.monotonic()
    with highest(lambda: pss_megabytes(side.process.family())) as memory:
        ended = side.settle(180)
    cpu = cpu_seconds(side.worker()) - before
    return {
        "notes/h at 5 s + 1 s": 3600 * count / (ended - begun),
        "worker CPU per note, ms": 1000 * cpu / count,
        "memory under load, MB PSS": max(memory),
    }


@contextmanager
def highest(look: Callable[[], float]) -> Iterator[list[float]]:
    """What ``look`` gave, once a second and at the end."""
    seen: list[float] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(1.0):
            seen.append(look())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()
        seen.append(look())


def per_note(side: Side, scale: Scale) -> Figures:
    """Statements of the worker for a note, all it does beside included."""
    side.servers.provide()
    send(side, sounds(4), 1)
    side.settle()
    count = scale.of(40, 10)
    with ExitStack() as pause:
        pause.enter_context(side.worker_stopped())
        send(side, sounds(count), 4)
        with side.servers.statements_of(side.database) as said:
            pause.close()
            wait_for(lambda: len(side.servers.asked("chat")) >= count, 60, "no chat")
            time.sleep(0.5)  # the last result's statements; asking the database would add ours
    return {"SQL statements per note in the worker": len(said) / count}


def start(side: Side, scale: Scale) -> Figures:
    """From the command to the first 200, migrations done before."""
    side.process.kill()
    begun = time.monotonic()
    side.launch()
    while not _answers(side):
        if time.monotonic() > begun + 60 or not side.process.alive:
            raise RuntimeError(f"{side.name} does not start")
        time.sleep(0.005)
    return {"start to first 200, s": time.monotonic() - begun}


def _answers(side: Side) -> bool:
    connection = side.connection()
    try:
        connection.request("GET", side.health_path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def duplicates(side: Side, scale: Scale) -> Figures:
    """Calls to the provider for a note whose message is delivered 20 times more."""
    side.servers.provide(transcription=1.0)
    connection = side.connection()
    with side.worker_stopped():
        # Who listened when it was stopped has been given the first message already.
        for audio in sounds(2):
            note, _, _ = side.uploaded(connection, audio)
        side.deliver(note, 20)
    side.settle()
    time.sleep(scale.of(25, 3))  # 20 deliveries of a second each to two processes
    calls = len(side.servers.asked("transcriptions")) - 1
    return {"transcriptions of a note delivered 21 times": calls}
