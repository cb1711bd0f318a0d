"""Cases made from the OpenAPI file, on the running API; python -m tests.contract makes more."""

from __future__ import annotations

import os

import pytest

from tests.contract.run import run

#: Per operation and user, at most.
EXAMPLES = int(os.environ.get("BAU_TEST_EXAMPLES") or 5)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_running_api_keeps_its_contract(capsys: pytest.CaptureFixture[str]) -> None:
    result = run(EXAMPLES, seed=1)
    with capsys.disabled():
        print(f"\n{result.summary}")
    assert result.passed, result.output
    assert result.server_errors == 0
    assert result.cases > 500
