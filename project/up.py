"""What ``bin/up`` runs once everything is installed: the product on embedded parts, tried out.

``python -m project.up`` brings the database up to date, starts web and worker (and a Redis, if no
``REDIS_URL`` is set), sends the sample note through REST like any client, tells what became of it
and stays up until told to stop. With ``--check`` it stops then, and its exit code tells.

No Django here: this process only looks on while the others work.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn
from urllib.parse import urlsplit

from project.embedded import end_with_parent
from project.sample import SAMPLE, Refused, Site, describe, is_filed

ROOT = Path(__file__).resolve().parent.parent
LOG = ROOT / "var" / "log" / "up.log"
START_SECONDS = 60
SAMPLE_SECONDS = 120
SECONDS_BETWEEN_SIGNS_OF_LIFE = 5
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


class Failed(Exception):
    """What did not work, in a sentence for whoever started us."""


class Stopped(BaseException):
    """We were told to stop by a signal."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


def main(arguments: list[str]) -> int:
    """Run as told; 0 if all went well and, without ``--check``, when stopped by a signal."""
    parser = ArgumentParser(prog="bin/up", description="Run everything and send a sample note.")
    parser.add_argument("--check", action="store_true", help="stop after the sample note")
    parser.add_argument("--serve", action="store_true", help=SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve:
        return serve()
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _stop)
    try:
        return Up(check=options.check).run()
    except Failed as failure:
        say(str(failure))
        return 1
    except Stopped as stopped:
        return 128 + stopped.signum if options.check else 0


def serve() -> int:
    """The part that runs the processes, in a process of its own: honcho wants the main thread."""
    from project.start import build_manager, embedded_redis

    manager = build_manager("all", embedded_redis("all"))
    manager.loop()
    return int(manager.returncode or 0)


def _stop(signum: int, frame: FrameType | None) -> NoReturn:
    raise Stopped(signum)


def say(text: str = "") -> None:
    """Print at once, in a terminal and elsewhere."""
    print(text, flush=True)


class Up:
    """One run of everything."""

    def __init__(self, *, check: bool) -> None:
        self.check = check
        self.server: subprocess.Popen[bytes] | None = None
        self.environment = _environment()
        url = f"http://127.0.0.1:{self.environment['PORT']}"
        self.site = Site(url, self.environment["BASE_URL"])

    def run(self) -> int:
        """Start, try out, and stay up or stop; the exit code."""
        LOG.parent.mkdir(parents=True, exist_ok=True)
        LOG.write_bytes(b"")
        say("Preparing the database ...")
        self._manage("prepare", capture=False)
        try:
            say("Starting web and worker ...")
            self._start()
            account = self._bootstrap()
            self._wait_until_ready()
            good = self._try_out(account)
            if self.check:
                return 0 if good else 1
            self._welcome(account)
            return self._stay()
        except Failed:
            self._show_log()
            raise
        finally:
            self._shut_down()

    def _manage(self, *arguments: str, capture: bool) -> str:
        """Run ``manage.py``; its output goes where the log goes, or is returned."""
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        with self._log() as log:
            out = subprocess.PIPE if capture else log
            result = subprocess.run(command, cwd=ROOT, env=self.environment, stdout=out, stderr=log)
        if result.returncode != 0:
            if not self.server:
                self._show_log()
            raise Failed(f"manage.py {arguments[0]} failed (exit code {result.returncode}).")
        return (result.stdout or b"").decode()

    def _bootstrap(self) -> dict[str, Any]:
        """The first user, made if there is none, and a token that lives an hour."""
        account: dict[str, Any] = json.loads(self._manage("bootstrap", "--json", capture=True))
        if account["password"]:
            say(f"First user: {account['username']}, password {account['password']}")
            say("  It is shown only this once; manage.py changepassword sets another.")
        return account

    @contextmanager
    def _log(self) -> Iterator[Any]:
        """Where output of others goes: to the terminal when we stay, else to a file."""
        if not self.check:
            yield None
            return
        with LOG.open("ab") as file:
            yield file

    def _start(self) -> None:
        with self._log() as log:
            self.server = subprocess.Popen(
                [sys.executable, "-m", "project.up", "--serve"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT if log else None,
                # A terminal's Ctrl-C is for us alone; we pass it on.
                process_group=0,
                preexec_fn=end_with_parent(signal.SIGTERM),
            )

    def _wait(self, seconds: float, what: str, ask: Callable[[], Any]) -> Any:
        """Ask until the answer is not None, with a sign of life now and then.

        Raises:
          Failed: there was none in time, or our processes have ended.
        """
        started = shown = time.monotonic()
        while (answer := ask()) is None:
            if self.server is None or self.server.poll() is not None:
                raise Failed(f"Web or worker ended while we waited for {what}.")
            now = time.monotonic()
            if now - started > seconds:
                raise Failed(f"Waited {seconds} s for {what} in vain.")
            if now - shown > SECONDS_BETWEEN_SIGNS_OF_LIFE:
                shown = now
                say(f"  waiting for {what}, {now - started:.0f} s")
            time.sleep(0.2)
        return answer

    def _wait_until_ready(self) -> None:
        for path in ("/healthz", "/readyz"):
            self._wait(START_SECONDS, path, partial(self._is_ok, path))

    def _is_ok(self, path: str) -> bool | None:
        try:
            self.site.call(path)
        except (Refused, OSError):
            return None
        return True

    def _try_out(self, account: dict[str, Any]) -> bool:
        """Send the sample and tell what became of it; whether it was transcribed and filed."""
        token = account["token"]
        say(f"Sending {SAMPLE.relative_to(ROOT)} to /api/v1/notes ...")
        try:
            path = self.site.send_sample(token)
            ask = partial(self.site.note_if_done, path, token)
            note = self._wait(SAMPLE_SECONDS, "its words and its box", ask)
        except Refused as error:
            raise Failed(str(error)) from error
        except OSError as error:
            raise Failed(f"Web did not answer: {error}") from error
        for line in describe(note):
            say(f"  {line}")
        return is_filed(note)

    def _welcome(self, account: dict[str, Any]) -> None:
        say()
        say(f"Ready: {self.environment['BASE_URL']}")
        name = account["username"]
        say(f"  API token: .venv/bin/python manage.py create_token {shlex.quote(name)}")
        say("  stop: Ctrl-C")
        say()

    def _stay(self) -> NoReturn:
        # For the type checker alone.
        assert self.server is not None  # noqa: S101  # nosec B101
        self.server.wait()
        raise Failed("Web or worker ended; their last lines say why.")

    def _show_log(self) -> None:
        lines = LOG.read_text(errors="replace").splitlines()
        if lines:
            say(f"The last lines of {LOG.relative_to(ROOT)}:")
            say("\n".join(f"  {line}" for line in lines[-30:]))

    def _shut_down(self) -> None:
        """Stop all we started and wait until it is gone; a second Ctrl-C changes nothing."""
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, signal.SIG_IGN)
        if self.server is None:
            return
        if self.server.poll() is None:
            say("Stopping ...")
            self.server.terminate()
        # It kills what is left after STOP_GRACE_SECONDS itself.
        self.server.wait()


def _environment() -> dict[str, str]:
    """Ours for all processes, with a port that is free and an address that fits it."""
    environment = {**os.environ, "PROCESS_ROLE": "all", "PYTHONUNBUFFERED": "1"}
    wanted = environment.get("PORT") or "8000"
    if not wanted.isdecimal():
        raise Failed(f"PORT: must be a number; it is {wanted}.")
    port = _free_port(int(wanted))
    if port != int(wanted):
        say(f"Port {wanted} is taken; using {port}.")
    environment["PORT"] = str(port)
    base_url = environment.get("BASE_URL") or f"http://localhost:{port}"
    environment["BASE_URL"] = base_url
    if urlsplit(base_url).hostname in LOCAL_HOSTS:
        # Who tries this out does not expect to open a port to the network.
        environment.setdefault("GUNICORN_CMD_ARGS", f"--bind=127.0.0.1:{port}")
    return environment


def _free_port(wanted: int) -> int:
    """``wanted``, or a free port soon after it, or any."""
    for port in (*range(wanted, min(wanted + 20, 65_536)), 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
                return int(probe.getsockname()[1])
            except OSError:
                continue
    raise Failed("There is no free port. Name one: PORT=8080 bin/up")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
