"""The rig of the fault tests, on containers: PostgreSQL, a bucket, and a Redis with a password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.faults.rig import Rig, Sent
from tests.image.container import Container, Image
from tests.services.valkey import Valkey

#: What the doors of servers are locked with.
REDIS_PASSWORD = "kept-by-tests-alone"


class ImageRig(Rig):
    """``role`` is what the operator sets in the first app; the others are of the worker's image."""

    def __init__(
        self, images: Mapping[str, Image], role: str, *, env: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(env=env, s3=True, role=role)
        self.images = images
        self.valkey = Valkey(password=REDIS_PASSWORD)

    def new_stack(self, env: Mapping[str, str], role: str, **services: Any) -> Container:
        """A container of the image that the role has a captain file for."""
        own = {name: value for name, value in env.items() if name not in NOT_SHARED}
        if role == "worker":
            return Container(self.images["worker"], own, **services)
        return Container(self.images["app"], own, role=role, **services)

    @property
    def app(self) -> Container:
        """The first app."""
        assert isinstance(self.stack, Container)
        return self.stack

    def add_worker(self) -> Container:
        """One more worker, started."""
        worker = self.add("worker")
        assert isinstance(worker, Container)
        return worker

    def add_next(self) -> Container:
        """The next version's container beside the first, not yet started."""
        own = {name: value for name, value in self.stack.env.items() if name not in NOT_SHARED}
        return Container(self.images["next"], own, role=self._role)

    def peak_of_calls(self, *sent: Sent) -> int:
        """How many transcriptions of these notes the provider was asked for at the same time."""
        calls = self.calls(*sent)
        moments = [(call.started, 1) for call in calls] + [
            (call.ended or 0.0, -1) for call in calls
        ]
        at_once = highest = 0
        for _, step in sorted(moments):
            at_once += step
            highest = max(highest, at_once)
        return highest


#: What belongs to one app alone.
NOT_SHARED = {"PROCESS_ROLE", "SHARED_VOLUME", "PORT"}
