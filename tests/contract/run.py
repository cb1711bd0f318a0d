"""Starts the product's web, and Schemathesis on it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.services import minimal_environment
from tests.services.postgres import Postgres
from tests.services.run import REPOSITORY
from tests.services.valkey import Valkey
from tests.stack import Stack

CONFIG = Path(__file__).parent / "schemathesis.toml"
#: Nothing here tests how much one may ask for, so no limit may end it early.
NO_LIMITS = {"USER_REQUESTS_PER_MINUTE": "0", "USER_NOTES_PER_DAY": "0"}
USERS = ("alice", "bob")


@dataclass
class Result:
    """What came out of all runs."""

    passed: bool = True
    statuses: Counter[int] = field(default_factory=Counter)
    output: str = ""

    @property
    def cases(self) -> int:
        """How many requests were made."""
        return sum(self.statuses.values())

    @property
    def server_errors(self) -> int:
        """How many answers were 500 or above."""
        return sum(count for status, count in self.statuses.items() if status >= 500)

    @property
    def summary(self) -> str:
        """One line with the figures."""
        told = ", ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        return (
            f"contract: {self.cases} cases as {len(USERS)} users, {self.server_errors} server"
            f" errors, {'no failed check' if self.passed else 'FAILED checks'} ({told})"
        )


def run(examples: int, seed: int, *, on_postgres: bool = False) -> Result:
    """Try every operation with up to ``examples`` cases in each phase, as each of USERS."""
    result = Result()
    with ExitStack() as stack:
        redis = stack.enter_context(Valkey())
        database = stack.enter_context(Postgres()).url() if on_postgres else None
        env = {"SHARED_VOLUME": "1", "WEB_THREADS": "8", **NO_LIMITS}
        site = stack.enter_context(Stack(env, role="web", redis=redis.url, database=database))
        for client in site.create_users(*USERS):
            _run_as(client.token, site, examples, seed, result)
    return result


def _run_as(token: str, site: Stack, examples: int, seed: int, result: Result) -> None:
    report = site.directory / "cases.ndjson"
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"),
        *(f"{site.url}/api/v1/openapi.json", "-H", f"Authorization: Bearer {token}"),
        *("--max-examples", str(examples), "--seed", str(seed), "--no-shrink"),
        *("--continue-on-failure", "--report", "ndjson", "--report-ndjson-path", str(report)),
        *("--warnings", "off"),
    ]
    env = {**minimal_environment(), "SCHEMATHESIS_HOOKS": "tests.contract.hooks"}
    env |= {"BAU_URL": site.url, "BAU_TOKEN": token, "HOME": str(site.directory)}
    # It leaves files where it runs.
    env["PYTHONPATH"] = str(REPOSITORY)
    done = subprocess.run(
        command,
        cwd=site.directory,
        env=env,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    result.passed &= done.returncode == 0
    result.output += done.stdout + done.stderr
    result.statuses += _statuses(report)


def _statuses(report: Path) -> Counter[int]:
    found: Counter[int] = Counter()
    if not report.exists():
        return found
    for line in report.read_text(encoding="utf-8").splitlines():
        scenario = json.loads(line).get("ScenarioFinished", {})
        for interaction in scenario.get("recorder", {}).get("interactions", {}).values():
            found[(interaction.get("response") or {}).get("status_code", 0)] += 1
    return found
