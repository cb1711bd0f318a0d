"""The container's command: check the settings, bring the database up to date, run the role.

``python -m project.start`` runs web and worker, or with PROCESS_ROLE=web or worker one of them.
Each line of the Procfile becomes one process under honcho; when one ends, all are stopped, and
the platform starts the container again.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from honcho import manager as honcho_manager
from honcho.environ import expand_processes, parse_procfile
from honcho.manager import Manager
from honcho.printer import Message, Printer

ROOT = Path(__file__).resolve().parent.parent
#: glibc keeps for each thread a heap, up to eight a core, and a store of freed pieces: with 64
#: threads 20 MB that lie about. Only one at a time runs Python, so sharing one heap is as fast.
ONE_HEAP = "glibc.malloc.arena_max=1:glibc.malloc.tcache_count=0"


class RawPrinter(Printer):  # type: ignore[misc]
    """Passes JSON lines on as they are; honcho's own lines are made JSON too."""

    def write(self, message: Message) -> None:
        data = message.data
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        self.output.write(_as_json(str(message.name).partition(".")[0], text))
        self.output.flush()


def _as_json(role: str, text: str) -> str:
    """``text`` with each line that is not a JSON object made one of ``role``."""
    # Not splitlines(), which would cut an object at a U+2028 inside it.
    lines = [line for line in text.split("\n") if line.strip()]
    return "".join((line if _is_object(line) else _object(role, line)) + "\n" for line in lines)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _object(role: str, line: str) -> str:
    when = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"time": when, "level": "info", "role": role, "message": line.rstrip()})


def build_manager(role: str, extra: dict[str, str] | None = None) -> Manager:
    """A honcho manager with the Procfile's processes for ``role`` and ``extra`` ones before them.

    Web gets PORT (8000 if not set); ``extra`` maps names to commands.
    """
    env = _environment()
    # honcho would kill what is left so long after the first process has ended.
    honcho_manager.KILL_WAIT = int(env.get("STOP_GRACE_SECONDS") or 8)
    as_json = env.get("LOG_FORMAT") == "json"
    manager = Manager(RawPrinter(sys.stdout) if as_json else Printer(sys.stdout))
    for name, command in (extra or {}).items():
        manager.add_process(name, command, env=env, cwd=str(ROOT))
    lines = parse_procfile((ROOT / "Procfile").read_text()).processes
    wanted = {name: line for name, line in lines.items() if role in ("all", name)}
    for process in expand_processes(wanted, env=env, port=int(env["PORT"])):
        manager.add_process(process.name, process.cmd, env=process.env, cwd=str(ROOT))
    return manager


def _environment() -> dict[str, str]:
    """Ours, with the virtual environment's programs first: the Procfile names them bare."""
    programs = str(Path(sys.executable).parent)
    env = {**os.environ, "PATH": programs + os.pathsep + os.environ.get("PATH", "")}
    env["PORT"] = env.get("PORT") or "8000"
    # honcho gives each process a PORT of its own; the worker wants to know that of web.
    env["BAU_WEB_PORT"] = env["PORT"]
    if env.get("OPENAI_API_KEY") or env.get("OPENAI_API_KEY_FILE"):
        # A Whisper of our own computes outside of Python, in several threads at a time.
        env.setdefault("GLIBC_TUNABLES", ONE_HEAP)
    return env


def embedded_redis(role: str) -> dict[str, str]:
    """The process of an embedded Redis, where the role is all and no REDIS_URL names another."""
    if role != "all" or os.environ.get("REDIS_URL") or os.environ.get("REDIS_URL_FILE"):
        return {}
    folder = os.environ.get("VAR_DIR") or str(ROOT / "var")
    command = [sys.executable, "-m", "project.embedded", "redis", folder]
    return {"redis": f"exec {shlex.join(command)}"}


def prepare() -> int:
    """Check settings and bring (or wait for) the schema, in a process of its own; its exit code.

    This one stays small: it lives as long as the container.
    """
    as_json = os.environ.get("LOG_FORMAT") == "json"
    child = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "prepare"],
        cwd=ROOT,
        stdout=subprocess.PIPE if as_json else None,
        stderr=subprocess.STDOUT if as_json else None,
        text=True,
    )
    with _passed_on_to(child):
        for line in child.stdout or ():
            print(_as_json("prepare", line), end="", flush=True)
        return child.wait()


@contextmanager
def _passed_on_to(child: subprocess.Popen[str]) -> Iterator[None]:
    """Have SIGTERM and SIGINT end ``child``; a worker may wait minutes for the schema.

    The container's first process must ask for a signal, or the kernel drops it.
    """
    handlers = {
        number: signal.signal(number, lambda *_: child.terminate())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def main() -> int:
    if code := prepare():
        # Ended by signal N is told as shells do.
        return code if code > 0 else 128 - code
    role = os.environ.get("PROCESS_ROLE") or "all"
    manager = build_manager(role, embedded_redis(role))
    manager.loop()
    return int(manager.returncode or 0)


if __name__ == "__main__":
    sys.exit(main())
