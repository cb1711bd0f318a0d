"""A page that is watched: whatever it complains about fails the test."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, ConsoleMessage, Page

from tests.services import wait_for

#: Tells of each violation of the policy, also in frames and before any script of the page.
_LISTEN = """
addEventListener("securitypolicyviolation", (event) =>
  window.__violated(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
"""


@dataclass
class Watch:
    """What pages of a context complained about."""

    errors: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    _expected: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        """Watch every page of ``context``."""
        context.expose_function("__violated", lambda told: self.violations.append(told))
        context.add_init_script(_LISTEN)
        context.on("page", self._listen)

    def _listen(self, page: Page) -> None:
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")

    def expect(self, pattern: str) -> None:
        """Errors that match are what the test causes; say so before or after."""
        self._expected.append(pattern)

    def assert_quiet(self) -> None:
        """No error but expected ones, and no violation of the policy."""
        unexpected = [
            error
            for error in self.errors
            if not any(re.search(pattern, error) for pattern in self._expected)
        ]
        assert unexpected == []
        assert self.violations == []


def until(page: Page, true: str, timeout: float = 60) -> None:
    """Back once the expression (or function) ``true`` is.

    ``Page.wait_for_function`` asks a second time from within the page, where the policy forbids it.
    """
    wait_for(lambda: page.evaluate(true), timeout, f"never true: {true}")
