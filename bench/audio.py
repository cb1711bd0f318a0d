"""What it costs to prepare a recording: CPU, wall time, size of the copy.

    python -m bench.audio [FILE ...] [--seconds 60] [--repeat 5] [--part-seconds N]

Without a file: the repository's sample, over and over, for ``--seconds``. The best of
``--repeat`` runs is shown, since other work on the machine only ever makes it slower.
"""

from __future__ import annotations

import argparse
import io
import time
from pathlib import Path

from notes.audio.order import Order
from notes.audio.preparing import prepare, unnamed_file

SAMPLE = Path(__file__).parent.parent / "samples" / "encanador.ogg"


def repeated_sample(seconds: float) -> bytes:
    """The sample over and over, as Ogg/Opus of 24 kbit/s at 48 kHz."""
    import av

    file, samples = io.BytesIO(), 0
    with av.open(file, "w", format="ogg") as out:
        stream = out.add_stream("libopus", rate=48_000, layout="mono")
        stream.bit_rate = 24_000
        while samples < seconds * 48_000:
            with av.open(str(SAMPLE), "r") as source:
                resampler = av.AudioResampler("s16", "mono", 48_000, frame_size=960)
                for frame in source.decode(audio=0):
                    for piece in resampler.resample(frame):
                        piece.pts = samples
                        samples += piece.samples
                        out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return file.getvalue()


def measure(content: bytes, order: Order) -> dict[str, float]:
    """One preparation, from the file to the last part."""
    begun = time.monotonic()
    first = size = 0.0
    with unnamed_file([content]) as file, prepare(file, order) as preparation:
        for part in preparation.parts():
            first = first or time.monotonic() - begun
            size += len(part.data)
        found = preparation.findings
    return {
        "seconds": found.seconds,
        "copied": found.copied_seconds,
        "cpu": found.cpu_seconds,
        "wall": time.monotonic() - begun,
        "first part": first,
        "share of wav": size / (found.copied_seconds * 32_000),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the made recording")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--part-seconds", type=float)
    options = parser.parse_args()
    order = Order(part_seconds=options.part_seconds)
    contents = {path.name: path.read_bytes() for path in options.files}
    for name, content in (contents or {"sample": repeated_sample(options.seconds)}).items():
        runs = [measure(content, order) for _ in range(options.repeat)]
        best = min(runs, key=lambda run: run["cpu"])
        print(name, "  ".join(f"{key} {value:.2f}" for key, value in best.items()))


if __name__ == "__main__":
    main()
