"""The servers that other tests rely on are real ones, and leave nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.services import Process, free_port, proc, this_run, wait_for
from tests.services.postgres import Postgres
from tests.services.run import REPOSITORY
from tests.services.s3 import S3
from tests.services.valkey import Valkey

# A run of its own: one server, and a child that leaves for another session, as honcho's do.
RUN_WITHOUT_END = """
import subprocess, time
from tests.services import Process, this_run
from tests.services.valkey import Valkey

shell = Process(["sh", "-c", "setsid sleep 60 & sleep 60"], log=this_run().directory / "sh.log")
server = Valkey().start()
print(this_run().directory, flush=True)
time.sleep(60)
"""


def test_valkey_is_real(valkey: Valkey) -> None:
    with valkey.client() as client:
        assert client.ping()
        assert client.info("server")["server_name"] == "valkey"


def test_valkey_keeps_what_it_confirmed_over_a_kill_and_a_stop() -> None:
    with Valkey(password="secret") as valkey:
        with valkey.client() as client:
            client.set("note", "1")
        valkey.kill()
        valkey.start()
        valkey.restart()
        with valkey.client() as client:
            assert client.get("note") == "1"
            valkey.flushall()
            assert client.dbsize() == 0


def test_valkey_can_be_locked_frozen_and_full() -> None:
    with Valkey(password="secret") as valkey:
        stranger = redis.Redis(port=valkey.port, retry=Retry(NoBackoff(), 0))
        with stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        valkey.suspend()
        with valkey.client(timeout=0.2) as client, pytest.raises(redis.TimeoutError):
            client.ping()
        valkey.resume()
        valkey.set_maxmemory(1)
        with valkey.client() as client, pytest.raises(redis.OutOfMemoryError):
            client.set("note", "x")


def test_postgres_is_real_and_does_not_run_as_root(postgres: Postgres) -> None:
    assert "PostgreSQL 18" in postgres.execute("SELECT version()")[0][0]
    assert Path(f"/proc/{postgres.process.pid}").stat().st_uid != 0


def test_postgres_keeps_its_data_over_a_restart_that_ends_all_sessions() -> None:
    with Postgres(options={"max_connections": "20"}) as postgres:
        postgres.create_database("notes")
        postgres.execute("CREATE TABLE note AS SELECT 1 AS id", database="notes")
        with postgres.connect("notes") as session:
            assert postgres.connections("notes") == 1
            postgres.restart()
            with pytest.raises(psycopg.OperationalError):
                session.execute("SELECT 1")
        # One of ours ends a moment after its client has hung up.
        wait_for(lambda: postgres.connections() == 0, 10, "a session is left")
        assert postgres.execute("SELECT id FROM note", database="notes") == [(1,)]
        assert postgres.execute("SHOW max_connections") == [("20",)]
        postgres.drop_database("notes")


def test_s3_stores_and_refuses_what_a_mock_would_let_pass(s3: S3) -> None:
    s3.client.put_object(Bucket=s3.bucket, Key="voice.ogg", Body=b"voice")
    assert s3.client.get_object(Bucket=s3.bucket, Key="voice.ogg")["Body"].read() == b"voice"

    url = signed(s3, seconds=60)
    assert fetch(url).content == b"voice"
    tampered = url.replace("Signature=", "Signature=0")
    assert fetch(tampered).status_code == 403
    assert fetch(urlsplit(url)._replace(query="").geturl()).status_code == 403

    short = signed(s3, seconds=1)
    wait_for(lambda: fetch(short).status_code == 403, 5, "an expired URL still works")


def test_s3_keeps_its_objects_over_a_restart(s3: S3) -> None:
    s3.client.put_object(Bucket=s3.bucket, Key="kept", Body=b"voice")
    s3.restart()
    assert s3.client.get_object(Bucket=s3.bucket, Key="kept")["Body"].read() == b"voice"
    assert s3.env["S3_ENDPOINT_URL"] == s3.endpoint_url


def signed(s3: S3, *, seconds: int) -> str:
    target = {"Bucket": s3.bucket, "Key": "voice.ogg"}
    return s3.client.generate_presigned_url("get_object", Params=target, ExpiresIn=seconds)


def fetch(url: str) -> httpx2.Response:
    return httpx2.get(url, trust_env=False)


def test_servers_listen_on_loopback_only(valkey: Valkey, postgres: Postgres, s3: S3) -> None:
    addresses = listening_addresses(valkey.process.family() | s3.process.family())
    assert len(addresses) == 9
    assert {address for address, _ in addresses} == {"0100007F"}
    # Another user's sockets are not ours to list.
    assert postgres.execute("SHOW listen_addresses") == [("127.0.0.1",)]


def listening_addresses(pids: set[int]) -> set[tuple[str, str]]:
    """(address, port) in hexadecimal of each TCP socket on which one of the processes listens."""
    sockets = {
        os.readlink(descriptor)
        for pid in pids
        for descriptor in Path(f"/proc/{pid}/fd").iterdir()
        if descriptor.is_symlink()
    }
    lines = [line.split() for name in ("tcp", "tcp6") for line in table_of(name)]
    return {
        (line[1].split(":")[0], line[1].split(":")[1])
        for line in lines
        if line[3] == "0A" and f"socket:[{line[9]}]" in sockets
    }


def table_of(name: str) -> list[str]:
    return Path(f"/proc/net/{name}").read_text().splitlines()[1:]


def test_a_stopped_service_leaves_no_process_and_no_file() -> None:
    for service in (Valkey(), Postgres()):
        with service:
            family = service.process.family()
            assert family
        assert not family & proc.table().keys()
        assert not proc.mentioning(str(service.directory))
        assert not service.directory.exists()


def test_a_process_that_fails_shows_the_end_of_its_log() -> None:
    log = this_run().directory / "failing.log"
    command = ["sh", "-c", "echo the reason; exit 3"]
    with (
        Process(command, log=log) as process,
        pytest.raises(RuntimeError, match=r"(?s)ended with 3 before ready.*the reason"),
    ):
        process.wait_ready(lambda: False, 5, "ready")


def test_a_process_takes_its_runaway_children_along() -> None:
    log = this_run().directory / "runaway.log"
    with Process(["sh", "-c", "setsid sleep 60 & wait"], log=log) as process:
        wait_for(lambda: len(process.family()) == 2, 5, "no child")
        process.send(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        orphan = process.family()
        assert len(orphan) == 1
    assert not orphan & proc.table().keys()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_outlives_an_interrupted_run(number: signal.Signals) -> None:
    command = [sys.executable, "-c", RUN_WITHOUT_END]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as run:
        assert run.stdout
        directory = Path(run.stdout.readline().strip())
        started = proc.marked(f"{directory.name}.", exact=False)
        assert len(started) == 4  # sh and its two sleeps, Valkey
        run.send_signal(number)
    wait_for(lambda: not directory.exists(), 15, f"{directory} is still there")
    assert not started & proc.table().keys()


def test_free_ports_differ_and_no_client_takes_them() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    assert max(ports) < 32_768
