"""The Procfile's worker line: keeps one Dramatiq process running until told to stop.

When Dramatiq ends, whatever the reason, a new one is started after 1 s, doubling to 30 s. So a
worker's death never stops the web process beside it in the same container.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event, Timer
from types import FrameType

from project.priority import give_way

ROOT = Path(__file__).resolve().parent.parent
#: A process that lived so long was well; the next pause is short again.
WELL_SECONDS = 60.0
SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 30.0


class Supervisor:
    """Starts Dramatiq in a process group of its own and watches over it.

    honcho signals whole groups, and when its patience ends it kills them. In its own group only we
    speak to Dramatiq, which may still hand back what it has in work.
    """

    def __init__(self) -> None:
        self.stopping = Event()
        self.grace = float(os.environ.get("STOP_GRACE_SECONDS") or 8)
        self.child: subprocess.Popen[bytes] | None = None
        # Never written to: when we die, however that happens, the other end becomes readable.
        self.lifeline, self._our_end = os.pipe()

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; always 0, since being stopped is no fault."""
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._stop)
        pause = SHORTEST_PAUSE
        while not self.stopping.is_set():
            started = time.monotonic()
            code = self._run_once()
            if self.stopping.is_set():
                break
            pause = SHORTEST_PAUSE if time.monotonic() - started > WELL_SECONDS else pause
            print(f"worker ended (exit code {code}); a new one in {pause:.0f} s", flush=True)
            self.stopping.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        return 0

    def _run_once(self) -> int:
        self.child = subprocess.Popen(
            [sys.executable, "-m", "project.run_dramatiq"],
            cwd=ROOT,
            env=environment(self.lifeline),
            pass_fds=[self.lifeline],
            start_new_session=True,
        )
        give_way(self.child.pid)
        if self.stopping.is_set():
            self._end_child()
        # Without a timeout: Popen would poll for it, twenty times a second for ever.
        return self.child.wait()

    def _stop(self, signum: int, frame: FrameType | None) -> None:
        if not self.stopping.is_set():
            self.stopping.set()
            self._end_child()

    def _end_child(self) -> None:
        """Ask Dramatiq to stop; near the end of the grace it is killed."""
        if self.child is None or self.child.poll() is not None:
            return
        self.child.terminate()
        last_moment = Timer(self.grace - 0.5, self.child.kill)
        last_moment.daemon = True
        last_moment.start()


def environment(lifeline: int) -> dict[str, str]:
    """Ours, with what Dramatiq reads at import: no message is taken that no thread is free for."""
    return {
        "DJANGO_SETTINGS_MODULE": "project.settings",
        **os.environ,
        "PATH": str(Path(sys.executable).parent) + os.pathsep + os.environ.get("PATH", ""),
        "PYTHONUNBUFFERED": "1",
        "BAU_PROCESS": "worker",
        "BAU_SUPERVISOR_FD": str(lifeline),
        "dramatiq_queue_prefetch": _threads(),
        "dramatiq_restart_delay": "1000",
        # How often an idle thread wakes up for nothing. A stop does not wait for idle threads.
        "dramatiq_worker_timeout": "60000",
    }


def _threads() -> str:
    return os.environ.get("WORKER_THREADS") or "64"


if __name__ == "__main__":
    sys.exit(Supervisor().run())
