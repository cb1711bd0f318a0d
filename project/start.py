"""The container's command: check the settings, bring the database up to date, run the role.

``python -m project.start`` runs web and worker, or with PROCESS_ROLE=web or worker one of them.
Each line of the Procfile becomes one process under honcho; when one ends, all are stopped, and
the platform starts the container again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from honcho import manager as honcho_manager
from honcho.environ import expand_processes, parse_procfile
from honcho.manager import Manager
from honcho.printer import Message, Printer

ROOT = Path(__file__).resolve().parent.parent


class RawPrinter(Printer):  # type: ignore[misc]
    """Passes JSON lines on as they are; honcho's own lines are made JSON too."""

    def write(self, message: Message) -> None:
        data = message.data
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        for line in text.splitlines():
            self.output.write((line if line.startswith("{") else _as_json(message, line)) + "\n")
        self.output.flush()


def _as_json(message: Message, line: str) -> str:
    import json

    name = str(message.name).partition(".")[0]
    when = message.time.astimezone().isoformat(timespec="milliseconds")
    return json.dumps({"time": when, "level": "info", "role": name, "message": line})


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
    return env


def prepare() -> int:
    """Check settings and bring (or wait for) the schema, in a process of its own; its exit code.

    This one stays small: it lives as long as the container.
    """
    command = [sys.executable, str(ROOT / "manage.py"), "prepare"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def main() -> int:
    if code := prepare():
        return code
    manager = build_manager(os.environ.get("PROCESS_ROLE") or "all")
    manager.loop()
    return int(manager.returncode or 0)


if __name__ == "__main__":
    sys.exit(main())
