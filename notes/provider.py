"""How a vendor's failure is told to the rest of the product: "later" or "never".

The vendor's own file decides which, since only there the vendor's answers are known. Nobody
above it looks at a status code.
"""

from __future__ import annotations


class ProviderError(Exception):
    """A call that gave no result.

    ``code`` is one of :data:`notes.texts.NOTE_ERRORS`, stored on the row and shown to the owner.
    The vendor's own message is never kept: it may quote what the person said.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Later(ProviderError):
    """Worth another try.

    ``retry_after`` is the wait in seconds that the vendor asked for, if it did.
    ``uses_attempt`` is False where the vendor merely asked us to wait (429, 503, 529): waiting in
    a queue is not a failed try.
    """

    def __init__(
        self, code: str, *, retry_after: float | None = None, uses_attempt: bool = True
    ) -> None:
        super().__init__(code)
        self.retry_after = retry_after
        self.uses_attempt = uses_attempt


class OverQuota(Later):
    """Nothing failed: what may be used today is used up, and ``reset_in`` seconds are to go.

    It uses no attempt, and the time until then is not time in which the stage was tried.
    """

    def __init__(self, code: str, *, reset_in: float) -> None:
        super().__init__(code, uses_attempt=False)
        self.reset_in = reset_in


class Never(ProviderError):
    """Trying again would give the same answer until a person changes something."""


class TooMuch(Never):
    """The vendor does not take so much sound at once; in smaller parts it may."""

    def __init__(self) -> None:
        super().__init__("audio_too_large")
