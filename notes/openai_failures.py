"""What the failures of OpenAI's SDK mean to us: later, or never.

The vendor's own words are looked at for a known code and dropped: they may quote what a person
said, so they are neither kept nor logged.
"""

from __future__ import annotations

import json
import logging
import math
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from notes.openai_sdk import openai
from notes.provider import Later, Never, ProviderError, TooMuch

logger = logging.getLogger(__name__)

OUT_OF_CREDIT = {
    "insufficient_quota",
    "credit_balance_exhausted",
    "billing_hard_limit_reached",
    "billing_not_active",
    "organization_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "project_spend_limit_exceeded",
}
#: "audio duration 1500.1 seconds is longer than 1400 seconds which is the maximum"
_TOO_LONG = re.compile(r"\blonger than [\d.]+ ?s(ec|\b)", re.IGNORECASE)
_OF_THE_FILE = re.compile(r"\b(audio|file|duration|decod\w*|corrupt\w*)\b", re.IGNORECASE)


@contextmanager
def vendor_errors(*, audio: bool = False) -> Iterator[None]:
    """Turn whatever the SDK raises inside into Later or Never; ``audio`` when a file is sent.

    Raises:
      Later: worth another try.
      Never: not before a person has changed something.
    """
    try:
        yield
    except openai.OpenAIError as error:
        failure = failure_of(error, audio=audio)
        status = getattr(error, "status_code", "-")
        logger.info("%s: %s, status %s", failure.code, type(error).__name__, status)
        raise failure from None  # the original's text quotes the vendor


def failure_of(error: openai.OpenAIError, *, audio: bool = False) -> ProviderError:
    """What ``error`` means; ``audio`` when the call carried a file that may be to blame."""
    if isinstance(error, openai.APITimeoutError):
        return Later("provider_timeout")
    if isinstance(error, openai.APIConnectionError):
        return Later("provider_unreachable")
    if isinstance(error, openai.APIStatusError):
        return _failure_of_status(error, audio)
    return Later("provider_bad_answer")


def _failure_of_status(error: openai.APIStatusError, audio: bool) -> ProviderError:
    status = error.status_code
    codes = {str(error.code), str(error.type)}
    if status == 402 or codes & OUT_OF_CREDIT:
        return Never("provider_out_of_credit")
    wait = retry_after(error.response.headers)
    if status in (429, 503, 529):
        return Later("provider_busy", retry_after=wait, uses_attempt=False)
    if status >= 500 or status in (408, 409):
        return Later("provider_error", retry_after=wait)
    if "model_not_found" in codes:
        return Never("provider_misconfigured")
    if status in (401, 403):
        return Never("provider_unauthorized")
    if audio and status == 413:
        return TooMuch()
    if audio and _TOO_LONG.search(complaint(error)):
        return TooMuch()
    if audio and _blames_the_file(error):
        return Never("audio_refused")
    return Never("provider_misconfigured")


def _blames_the_file(error: openai.APIStatusError) -> bool:
    if error.status_code not in (400, 422):
        return error.status_code == 415
    if error.param:
        return error.param == "file"
    return bool(_OF_THE_FILE.search(complaint(error)))


def complaint(error: openai.APIStatusError) -> str:
    """The vendor's words, to find a parameter's name in. Not to be kept: they may quote a person.

    What a FastAPI server echoes as ``input`` is left out: it is our own request.
    """
    if not isinstance(error.body, dict):
        return str(error.body)[:2000]
    parts = [error.body.get("param"), error.body.get("message")]
    details = error.body.get("detail")
    if isinstance(details, list):
        for detail in details:
            if isinstance(detail, dict):
                parts += [detail.get("loc"), detail.get("msg")]
    else:
        parts.append(details)
    return " ".join(str(part) for part in parts if part)[:2000]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that the vendor asks us to wait, or None where it doesn't say or makes no sense.

    A date is read against the vendor's own ``Date``, since our clocks may differ.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return max(0.0, milliseconds / 1000)
    value = headers.get("retry-after", "")
    seconds = _number(value)
    if seconds is None:
        then, now = _timestamp(value), _timestamp(headers.get("date", ""))
        seconds = None if then is None else then - (time.time() if now is None else now)
    return None if seconds is None else max(0.0, seconds)


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _timestamp(value: str) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None


def json_answer(response: httpx2.Response) -> dict[str, Any]:
    """The JSON object that ``response`` holds.

    Raises:
      Later: "provider_bad_answer", it holds anything else.
    """
    try:
        answer = json.loads(response.content)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise Later("provider_bad_answer")
    return answer
