"""A fake OpenAI over real HTTP: for tests in process, or ``python -m tests.fakes.provider``.

It refuses what the vendor refuses (``rules``), does what it is told to (``faults``), and remembers
what it was asked (``log``). By HTTP: ``POST /_control`` with the settings of ``state.SETTINGS``
and ``faults``, ``GET /_log``, ``POST /_reset``.
"""

from __future__ import annotations

import argparse
import threading
from types import TracebackType
from typing import Any

from tests.fakes.answers import completion
from tests.fakes.faults import Fault
from tests.fakes.log import Entry
from tests.fakes.server import Server
from tests.fakes.state import State


class FakeProvider(State):
    """The fake, serving while it is entered. ``url`` is what OPENAI_BASE_URL wants."""

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        super().__init__()
        self._server = Server((host, port), self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="fake-provider", daemon=True
        )
        bound = self._server.server_address
        self.port = int(bound[1])
        self.root_url = f"http://{host}:{self.port}"
        self.url = f"{self.root_url}/v1"

    def __enter__(self) -> FakeProvider:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, end every wait and cut every connection, as a vendor's outage does."""
        self.closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.cut_connections()
        self._thread.join()

    def fail(self, endpoint: str, **fault: Any) -> None:
        """Script the next request to ``endpoint``; see :class:`tests.fakes.faults.Fault`."""
        self.faults.add(Fault(endpoint, **fault))

    def say(self, content: str | None, *, times: int = 1, **message: Any) -> None:
        """Script the chat model's next message: its ``content``, ``refusal``, ``tool_calls``."""
        body = completion("scripted", content, **message)
        self.fail("chat", status=200, body=body, times=times)

    def requests(self, endpoint: str | None = None) -> list[Entry]:
        """What was asked, oldest first."""
        return self.log.entries(endpoint)


def main() -> None:
    parser = argparse.ArgumentParser(description="A fake OpenAI on this machine.")
    parser.add_argument("--port", type=int, default=5670)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--transcription-seconds", type=float, default=0.0)
    parser.add_argument("--chat-seconds", type=float, default=0.0)
    options = parser.parse_args()
    with FakeProvider(options.port, options.host) as provider:
        provider.latency["transcriptions"] = options.transcription_seconds
        provider.latency["chat"] = options.chat_seconds
        print(f"OPENAI_BASE_URL={provider.url}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
