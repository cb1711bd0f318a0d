"""Files that want more than to be heard: no request, no neighbour, no crash of ours, but a code."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from notes.audio import preparing, process
from notes.audio.forks import Server
from notes.audio.order import Order
from notes.audio.preparing import prepare, unnamed_file
from notes.audio.voice import SpeechGate
from notes.provider import Never, ProviderError
from tests import audio_fuzz, audio_traps
from tests.audio_maker import SAMPLE, encoded
from tests.audio_run import decide

FUZZ_CASES = 300


class Listener(ThreadingHTTPServer):
    """An HTTP server on the loopback that only remembers who called."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.calls: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.calls.append(self.path)  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(SAMPLE.read_bytes())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_playlists_neither_call_nor_open_anything(listener: Listener, tmp_path: Path) -> None:
    neighbour = tmp_path / "neighbour.ogg"
    neighbour.write_bytes(SAMPLE.read_bytes())
    os.utime(neighbour, (0, 0))
    for name, text in audio_traps.playlists(listener.url, neighbour).items():
        for disguise, head in audio_traps.DISGUISES.items():
            path = tmp_path / "voice.m3u8"
            path.write_bytes(head + text)
            decided = decide(path)
            # Rubbish may sound like something; the neighbour's nine seconds it never is.
            assert decided.code or decided.seconds < 1, f"{name} {disguise}"
    assert listener.calls == []
    # Reading would have set the time of access (with relatime: since it is before the change).
    assert neighbour.stat().st_atime == 0


@pytest.mark.parametrize("name", audio_traps.REFUSED)
def test_what_is_no_voice_note_ends_with_a_code(name: str) -> None:
    make, codes = audio_traps.REFUSED[name]
    assert decide(make()).code in codes


def test_cover_art_is_no_film() -> None:
    """Tagged music files have a picture; it is not even decoded."""
    import io

    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as out, av.open(str(SAMPLE)) as source:
        sound = out.add_stream("libmp3lame", rate=48_000)
        art = out.add_stream("mjpeg")
        art.width = art.height = 16
        art.pix_fmt = "yuvj420p"
        art.disposition = av.stream.Disposition.attached_pic
        for packet in art.encode(av.VideoFrame(16, 16, "yuvj420p")):
            out.mux(packet)
        resampler = av.AudioResampler(sound.format, "mono", 48_000, frame_size=1152)
        for frame in source.decode(audio=0):
            for piece in resampler.resample(frame):
                out.mux(sound.encode(piece))
        out.mux(sound.encode(None))
    assert decide(file.getvalue()).speech


def test_a_header_that_says_one_second_does_not_hide_an_hour() -> None:
    flac = audio_traps.flac_of_silence(3_600, claims=1)
    assert decide(flac, Order(max_seconds=600)).code == "audio_too_long"
    heard = decide(flac)
    assert heard.seconds == pytest.approx(3_600, abs=1)
    assert not heard.speech


def test_ten_hours_of_silence_are_too_long() -> None:
    flac = audio_traps.flac_of_silence(36_000, claims=36_000)
    assert len(flac) < 8_000_000
    begun = time.monotonic()
    assert decide(flac).code == "audio_too_long"
    assert time.monotonic() - begun < 120


def test_a_sparse_gigabyte_is_too_long(tmp_path: Path) -> None:
    assert decide(audio_traps.wav_of_a_gigabyte(tmp_path)).code == "audio_too_long"


@pytest.mark.timeout(600)
def test_damaged_recordings_end_with_a_result_or_a_code() -> None:
    ends = audio_fuzz.run(FUZZ_CASES, seed=20_261_122)
    print(dict(ends))
    assert not [code for code in ends if code.startswith("later:")]
    assert ends["audio_decoder_crashed"] == 0
    assert ends["decoded"] > FUZZ_CASES / 3


# --- A child that is taken over, crashes or hangs -------------------------------------------------


def child_that(lines: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The code for a recording whose decoding does ``lines`` instead, after the lock-up."""
    boot = (
        "import json, sys; sys.path[:0] = json.loads(sys.argv[1]); import notes.audio.child as c\n"
        "import os, signal, socket, time, ctypes\n"
        "class Taken:\n"
        "    def __init__(self, *a): pass\n"
        "    def run(self):\n" + "".join(f"        {line}\n" for line in lines.splitlines()) + "\n"
        "c.Preparation = Taken\n"
        "from notes.audio.forks import main; main()\n"
    )
    decoders = process.Decoders(boot)
    monkeypatch.setattr(preparing, "decoders", decoders)
    try:
        return decide(SAMPLE).code
    finally:
        decoders.close()


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "audio_decoder_crashed"),
        ("ctypes.string_at(0)", "audio_decoder_crashed"),
        ("os.abort()", "audio_decoder_crashed"),
        ("raise RuntimeError", "audio_decoder_crashed"),
        ("os._exit(0)", "audio_decoder_crashed"),
        ("os.write(1, b'J' + bytes(3))", "audio_decoder_crashed"),
        ("os.write(1, b'Jxxxx' + bytes(99))", "audio_decoder_crashed"),
        ("c.send(c.wire.event('end', seconds='9'))", "audio_decoder_crashed"),
        ("c.send(c.wire.event('refused', code='<b>'))", "audio_decoder_crashed"),
        ("c.send(c.wire.event('part', speech=True, stretches=[]))", "audio_decoder_crashed"),
        ("while True: c.send(c.wire.data(bytes(1 << 20)))", "audio_decoder_crashed"),
        ("b = [bytearray(10**7) for i in range(10**6)]", "audio_too_complex"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "later:out_of_memory"),
    ],
)
def test_whatever_the_child_does_is_a_code(
    lines: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert child_that(lines, monkeypatch) == code


def test_a_child_that_sleeps_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "STALL_SECONDS", 1.5)
    begun = time.monotonic()
    sleep = "signal.alarm(0)\ntime.sleep(600)"
    assert child_that(sleep, monkeypatch) == "audio_decoder_stuck"
    assert time.monotonic() - begun < 10


def test_a_child_that_hangs_ends_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert child_that("signal.alarm(1)\nwhile True: pass", monkeypatch) == "audio_decoder_stuck"


def test_a_child_has_only_so_much_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (
        "import resource\n"
        "soft, hard = resource.getrlimit(resource.RLIMIT_CPU)\n"
        "assert hard <= 31 + 0.03 * 12_000\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (1, hard))\n"
        "signal.alarm(0)\n"
        "while True: pass"
    )
    assert child_that(lines, monkeypatch) == "audio_decoder_stuck"


#: Each line must fail in the child; if it does, "refused" with this code is said.
ATTEMPTS = {
    "open a file": "open('/etc/passwd')",
    "open a neighbour": "open(c.__file__)",
    "connect": "socket.create_connection(('127.0.0.1', {port}), 2)",
    "open a socket": "socket.socket()",
    "write a file": "os.open('/tmp/x', os.O_CREAT | os.O_WRONLY)",
    "grow the upload": "os.ftruncate(0, 1 << 30)",
    "raise its limits": (
        "__import__('resource').setrlimit(__import__('resource').RLIMIT_FSIZE, (9, 9))"
    ),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_child_that_is_taken_over_can_open_nothing(
    attempt: str, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    if attempt == "raise its limits" and os.geteuid() == 0:
        pytest.skip("root may raise its limits")
    line = ATTEMPTS[attempt].format(port=listener.server_address[1])
    lines = (
        "import resource\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"try: {line}\n"
        "except (OSError, ValueError): raise c.Refused('audio_too_complex')\n"
        "raise c.Refused('audio_is_video')"
    )
    assert child_that(lines, monkeypatch) == "audio_too_complex"
    assert listener.calls == []


def test_the_child_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("SECRET_KEY", "secret")
    lines = (
        "known = {'OMP_NUM_THREADS', 'OMP_THREAD_LIMIT', 'LC_ALL', 'LC_CTYPE'}\n"
        "alone = set(os.environ) <= known and 'django' not in sys.modules\n"
        "raise c.Refused('audio_too_complex' if alone else 'audio_is_video')"
    )
    assert child_that(lines, monkeypatch) == "audio_too_complex"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_child_holds_three_descriptors_and_no_environment() -> None:
    secret = os.open(__file__, os.O_RDONLY)
    os.set_inheritable(secret, True)
    order = Order(part_seconds=1, shorten_pauses=False)
    try:
        with unnamed_file([encoded("ogg", "libopus")]) as file, prepare(file, order) as preparation:
            next(preparation.parts())
            child = Path(f"/proc/{preparation.pid}")
            assert sorted(path.name for path in (child / "fd").iterdir()) == ["0", "1", "2"]
            assert b"SECRET" not in (child / "environ").read_bytes()
    finally:
        os.close(secret)


def test_no_process_and_no_file_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    content = encoded("ogg", "libopus")
    with unnamed_file([content]) as file:
        with prepare(file, Order(part_seconds=1)) as preparation:
            next(preparation.parts())  # and away, in the middle
            assert list(tmp_path.iterdir()) == []
        with pytest.raises(ProcessLookupError):
            os.killpg(preparation.pid, 0)
    decide(content[:5_000])
    decide(b"")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="no such signal elsewhere")
def test_the_child_dies_with_its_parent(tmp_path: Path) -> None:
    lines = (
        "import os, sys, signal\n"
        "from notes.audio.preparing import prepare\n"
        "from notes.audio.order import Order\n"
        f"file = open({str(SAMPLE)!r}, 'rb')\n"
        "preparation = prepare(file, Order(part_seconds=1))\n"
        "next(preparation.parts())\n"
        "print(preparation.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    parent = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True)
    child = Path(f"/proc/{int(parent.stdout)}")
    deadline = time.monotonic() + 5
    while child.exists() and "zombie" not in (child / "status").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_without_memory_for_a_process_there_is_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(preparing, "decoders", process.Decoders())
    monkeypatch.setattr(subprocess, "Popen", full)
    assert decide(SAMPLE).code == "later:out_of_memory"


def test_a_decoder_that_cannot_start_is_our_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "decoders", process.Decoders("raise SystemExit"))
    assert decide(SAMPLE).code == "later:internal_error"


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="who waits here buries")
def test_a_server_that_died_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    decoders = process.Decoders()
    monkeypatch.setattr(preparing, "decoders", decoders)
    try:
        assert decide(SAMPLE).code == ""
        os.kill(decoders.pid, signal.SIGKILL)
        # Not reaped, so that it is for us to find out. Its decoders got their signal before it
        # could be waited for; until then they may give a part away.
        os.waitid(os.P_PID, decoders.pid, os.WEXITED | os.WNOWAIT)
        assert decide(SAMPLE).code == ""
    finally:
        decoders.close()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="Linux tells of threads")
def test_the_server_of_decoders_has_one_thread_since_no_fork_would_have_another() -> None:
    decoders = process.Decoders()
    try:
        with unnamed_file([SAMPLE.read_bytes()]) as file:
            decoder = decoders.decode(file.fileno(), Order())
        assert len(os.listdir(f"/proc/{decoders.pid}/task")) == 1
        decoder.end()
    finally:
        decoders.close()


def test_a_decoder_may_die_at_the_very_moment_when_it_is_let_go() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        server = Server(theirs, SpeechGate())
        leash, kept = socket.socketpair()
        with leash, kept:
            pid = os.posix_spawn("/bin/true", ["true"], {})
            server.watch(pid, kept)
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            descriptor = kept.fileno()
            server.bury_the_dead()
            server.let_go(descriptor)  # which the same poll has told of
        for end in (server._woken, server._wake):
            end.close()


def test_when_its_server_dies_a_recording_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    kill_server = "os.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(9)"
    assert child_that(kill_server, monkeypatch) == "later:internal_error"


def test_an_error_is_one_of_two() -> None:
    with unnamed_file([b"no sound"]) as file, prepare(file, Order()) as preparation:
        with pytest.raises(ProviderError) as raised:
            list(preparation.parts())
        assert isinstance(raised.value, Never)
