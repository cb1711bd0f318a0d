"""What a newcomer runs: bin/up, bin/test and bin/check, and the embedded parts behind them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from project import install
from project.embedded import default_redis_url, redis_command, socket_path
from tests.services import Process, free_port, minimal_environment, proc, this_run, wait_for
from tests.services.run import REPOSITORY

BIN = REPOSITORY / "bin"
NEEDED_BY_SCRIPTS = ("dirname", "cat", "sed")


def sh(
    script: str | Path, *arguments: str, env: dict[str, str] | None = None, cwd: str = "/"
) -> subprocess.CompletedProcess[str]:
    """Run a script with sh, from another folder than its own."""
    return subprocess.run(
        ["/bin/sh", str(script), *arguments],
        cwd=cwd,
        env={**minimal_environment(), **(env or {})},
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.mark.parametrize("name", ["up", "test", "check"])
def test_each_command_says_how_to_use_it(name: str) -> None:
    shown = sh(BIN / name, "--help")

    assert shown.returncode == 0
    assert shown.stdout.startswith(f"usage: bin/{name}")


@pytest.mark.parametrize("name", ["up", "check"])
def test_an_unknown_option_is_refused_before_anything_is_installed(name: str) -> None:
    refused = sh(BIN / name, "--chek")

    assert refused.returncode == 2
    assert refused.stderr.startswith(f"usage: bin/{name}")
    assert refused.stdout == ""


@pytest.fixture
def machine(tmp_path: Path) -> Callable[[str | None], dict[str, str]]:
    """Makes a PATH with the given program as its only python3, or with none."""

    def make(python3: str | None) -> dict[str, str]:
        for name in NEEDED_BY_SCRIPTS:
            (tmp_path / name).symlink_to(str(shutil.which(name)))
        if python3 is not None:
            (tmp_path / "python3").write_text(f"#!/bin/sh\n{python3}\n")
            (tmp_path / "python3").chmod(0o755)
        return {"PATH": str(tmp_path)}

    return make


@pytest.mark.parametrize(
    ("python3", "complaint"),
    [
        (None, "There is no python3. Install Python 3.11 or newer"),
        ('[ "$1" = --version ] && echo Python 3.9.2; exit 1', "Python 3.9.2 is too old"),
        ("case $2 in *ensurepip*) exit 1 ;; esac", "apt-get install python3-venv"),
    ],
)
def test_a_python_that_will_not_do_is_named_in_one_line(
    machine: Callable[[str | None], dict[str, str]], python3: str | None, complaint: str
) -> None:
    refused = sh(BIN / "up", env=machine(python3))

    assert refused.returncode == 1
    assert complaint in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert refused.stdout == ""


def test_a_named_python_that_will_not_do_is_refused() -> None:
    refused = sh(BIN / "up", env={"PYTHON": "/bin/false"})

    assert refused.returncode == 1
    assert refused.stderr == "PYTHON=/bin/false is not a Python 3.11 or newer.\n"


def test_what_the_shell_sets_for_other_projects_and_for_production_stays_outside() -> None:
    script = ". bin/_setup; forget_other_pythons; forget_product_settings; env"
    foreign = {
        "PYTHONPATH": "/elsewhere",
        "PIP_TARGET": "/elsewhere",
        "DATABASE_URL": "postgres://prod",
        "S3_SECRET_ACCESS_KEY": "secret",
        "OPENAI_API_KEY_FILE": "/run/secret",
        "BAU_TEST_DATABASE": "postgres",
        "https_proxy": "http://proxy",
    }

    shown = sh("-c", script, env=foreign, cwd=str(REPOSITORY))

    assert shown.returncode == 0
    names = {line.partition("=")[0] for line in shown.stdout.splitlines()}
    assert names.isdisjoint(foreign)


class Installation:
    """A folder to install into, with the slow parts replaced by notes that they were asked for."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.locks = folder / "requirements"
        self.venv = folder / ".venv"
        self.done: list[str] = []
        self.works = True
        self.locks.mkdir()
        for name in ("base", "local", "dev"):
            self.write(name, "django==5.2.19\n")
        replacements: dict[str, object] = {
            "ROOT": folder,
            "LOCKS": self.locks,
            "VENV": self.venv,
            "VENV_PYTHON": self.venv / "bin" / "python",
            "STAMP": self.venv / "installed-locks",
            "UNFINISHED": self.venv / "unfinished",
            "_make_venv": self._make_venv,
            "_install_with_uv": lambda files: False,
            "_install_with_pip": self._pip,
        }
        for name, value in replacements.items():
            monkeypatch.setattr(install, name, value)

    def write(self, name: str, text: str) -> None:
        (self.locks / f"{name}.txt").write_text(text)

    def _make_venv(self) -> bool:
        self.done.append("venv")
        shutil.rmtree(self.venv, ignore_errors=True)
        (self.venv / "bin").mkdir(parents=True)
        (self.venv / "bin" / "python").symlink_to(sys.executable)
        return True

    def _pip(self, files: list[str], total: int) -> bool:
        self.done.append("+".join(Path(file).stem for file in files))
        return self.works

    def run(self, *names: str) -> list[str]:
        """What was done for these locks."""
        self.done.clear()
        assert install.main(names) == (0 if self.works else 1)
        return list(self.done)


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    return Installation(tmp_path, monkeypatch)


def test_packages_are_installed_only_when_their_locks_have_changed(
    installation: Installation,
) -> None:
    assert installation.run("base", "local") == ["venv", "base+local"]
    assert installation.run("base", "local") == []
    assert installation.run("base", "local", "dev") == ["base+local+dev"]
    assert installation.run("base", "local") == []

    installation.write("base", "django==5.2.20\n")

    assert installation.run("base", "local") == ["base+local"]


def test_a_broken_or_half_made_venv_is_made_anew(installation: Installation) -> None:
    installation.run("base")
    (installation.venv / "bin" / "python").unlink()

    assert installation.run("base") == ["venv", "base"]

    (installation.venv / "unfinished").touch()

    assert installation.run("base") == ["venv", "base"]


def test_after_a_failure_the_next_run_installs_again(installation: Installation) -> None:
    installation.works = False
    assert installation.run("base") == ["venv", "base"]

    installation.works = True

    assert installation.run("base") == ["base"]


def test_progress_is_told_in_lines_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "SECONDS_BETWEEN_LINES", 0.0)
    progress = install.Progress(total=2)

    progress.see("Collecting django==5.2.19 (from -r base.txt (line 1))\n")
    progress.see("  Downloading django-5.2.19-py3-none-any.whl (8.3 MB)\n")
    progress.see("  Using cached metadata\n")
    progress.see("Installing collected packages: django\n")

    assert capsys.readouterr().out.splitlines() == [
        "  1 of about 2, 0 s",
        "  1 of about 2, django (8.3 MB), 0 s",
        "  1 of about 2, now putting them in place, 0 s",
    ]


# --- The embedded Redis --------------------------------------------------------------------------


def test_the_embedded_redis_has_no_port_and_keeps_its_socket_to_its_owner(tmp_path: Path) -> None:
    command = redis_command(tmp_path)

    assert command[command.index("--port") + 1] == "0"
    assert command[command.index("--unixsocketperm") + 1] == "700"


def test_a_long_path_moves_the_socket_to_a_short_private_folder(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)

    assert socket_path(tmp_path / "var") == tmp_path / "var" / "redis.sock"
    assert len(os.fsencode(socket_path(deep))) < 100
    assert socket_path(deep) == socket_path(deep)
    assert socket_path(deep) != socket_path(deep / "other")


def test_odd_letters_in_the_path_survive_in_the_url() -> None:
    var = this_run().new_directory("baú 100%?#")

    client = redis.Redis.from_url(default_redis_url(var))

    assert client.connection_pool.connection_kwargs["path"] == str(var / "redis.sock")


def embedded(var: Path, **env: str) -> Process:
    command = [sys.executable, "-m", "project.embedded", "redis", str(var)]
    log = this_run().new_directory("redis-log") / "log"
    return Process(command, log=log, env={**minimal_environment(), **env}, cwd=REPOSITORY)


def answers(var: Path) -> bool:
    with redis.Redis.from_url(default_redis_url(var)) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


@pytest.fixture
def var() -> Path:
    return this_run().new_directory("var")


@pytest.fixture
def server(var: Path) -> Iterator[Process]:
    with embedded(var) as process:
        process.wait_ready(lambda: answers(var), 10, "answering")
        yield process


def test_it_stops_after_its_last_client(server: Process, var: Path) -> None:
    with redis.Redis.from_url(default_redis_url(var)) as client:
        client.ping()
        server.send(signal.SIGTERM)
        time.sleep(0.7)
        assert client.ping()
    assert server.stop(grace=3) < 3
    assert server.returncode == 0


def test_a_client_that_stays_cannot_hold_it_up(var: Path) -> None:
    with (
        embedded(var, STOP_GRACE_SECONDS="3") as server,
        redis.Redis.from_url(default_redis_url(var)) as client,
    ):
        server.wait_ready(lambda: answers(var), 10, "answering")
        client.ping()
        assert 0.5 < server.stop(grace=4) < 3


def test_the_server_comes_back_when_it_dies(server: Process, var: Path) -> None:
    (child,) = server.family() - {server.pid}

    proc.send([child], signal.SIGKILL)

    wait_for(lambda: server.family() - {server.pid, child} and answers(var), 10, "not back")


def test_nothing_is_left_when_it_is_killed(server: Process, var: Path) -> None:
    family = server.family()

    server.send(signal.SIGKILL)

    wait_for(lambda: not family & proc.table().keys(), 5, "the server outlives its parent")


def test_a_second_one_waits_and_takes_over(server: Process, var: Path) -> None:
    with embedded(var) as second:
        second.wait_ready(lambda: "using that" in second.log_text(), 10, "waiting")
        server.stop()
        second.wait_ready(lambda: answers(var), 10, "serving in its turn")
        second.stop()
    assert second.returncode == 0


# --- bin/up itself, without the set-up -----------------------------------------------------------


@pytest.fixture
def checkout() -> Path:
    """A copy of the repository without data, in a path that scripts like to trip over."""
    copy = this_run().new_directory("checkout") / "baú mental"
    unwanted = shutil.ignore_patterns(".*", "var", "__pycache__", "staticfiles")
    shutil.copytree(REPOSITORY, copy, ignore=unwanted)
    (copy / "var").mkdir()
    # Putting the weights together was tested elsewhere, and takes its time.
    if (models := REPOSITORY / "var" / "models").is_dir():
        (copy / "var" / "models").symlink_to(models)
    return copy


def up(checkout: Path, *arguments: str, **env: str) -> Process:
    command = [sys.executable, "-m", "project.up", *arguments]
    environment = {**minimal_environment(), "PORT": str(free_port()), **env}
    log = this_run().new_directory("up-log") / "log"
    return Process(command, log=log, env=environment, cwd=checkout)


@pytest.mark.slow
def test_check_sends_the_sample_and_leaves_nothing_behind(checkout: Path) -> None:
    told = []
    for _ in range(2):
        with up(checkout, "--check") as process:
            assert process.wait(timeout=90) == 0, process.log_text()
            assert process.family() == set()
        told.append(process.log_text())
    assert all("encanador" in text and "box: Casa" in text for text in told)
    assert ["First user: voce" in text for text in told] == [True, False]


@pytest.mark.slow
def test_it_stays_up_until_told_to_stop(checkout: Path) -> None:
    with up(checkout) as process:
        process.wait_ready(lambda: "Ready: " in process.log_text(), 90, "ready")
        process.stop(grace=20)
    assert process.returncode == 0


@pytest.mark.slow
def test_killed_outright_it_leaves_nothing_behind(checkout: Path) -> None:
    with up(checkout) as process:
        process.wait_ready(lambda: "Ready: " in process.log_text(), 90, "ready")
        process.stop(signal.SIGKILL, grace=20)


@pytest.mark.slow
def test_a_process_that_ends_early_is_shown_and_fails_the_check(checkout: Path) -> None:
    with up(checkout, "--check", GUNICORN_CMD_ARGS="--no-such-option") as process:
        assert process.wait(timeout=60) == 1
    assert "Web or worker ended" in process.log_text()
    assert "unrecognized arguments" in process.log_text()


def test_a_bad_setting_is_named(checkout: Path) -> None:
    with up(checkout, "--check", LEASE_SECONDS="soon") as process:
        assert process.wait(timeout=30) == 1
    assert "LEASE_SECONDS: " in process.log_text()


def test_a_port_in_use_is_passed_over(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    import socket

    from project.up import _environment

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        monkeypatch.setenv("PORT", str(taken))
        environment = _environment()

    assert environment["PORT"] != str(taken)
    assert environment["BASE_URL"] == f"http://localhost:{environment['PORT']}"
    assert f"Port {taken} is taken" in capsys.readouterr().out
