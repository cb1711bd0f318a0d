"""Real servers for tests: Valkey, PostgreSQL and S3, without Docker, nothing installed by hand.

Each listens on loopback and keeps its data in the one temporary directory of this test run.
Whatever ends the run (its end, Ctrl-C, SIGKILL), no process and no file stays behind: see `run`.
"""

from .processes import Process, minimal_environment
from .run import this_run
from .waiting import free_port, wait_for

__all__ = ["Process", "free_port", "minimal_environment", "this_run", "wait_for"]
