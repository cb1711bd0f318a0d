"""What a chat model answered, read as the guess of a stranger."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from notes.classifiers import BoxCard, Decision, Suggestion
from notes.provider import Later

#: Below this the note stays in the Inbox, with the model's choice as a suggestion.
SURE = 0.5
MAX_ANSWER = 20_000
MAX_EVIDENCE = 200
MAX_SUGGESTIONS = 3

UNCLEAR = Decision(None, 0.0, "model_unclear")


def content_of(answer: dict[str, Any]) -> str:
    """What the model said; empty where it refused, called a tool or said nothing.

    Raises:
      notes.provider.Later: "provider_bad_answer", this is no chat completion at all.
    """
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise Later("provider_bad_answer")
    content = message.get("content")
    return content if isinstance(content, str) and not message.get("refusal") else ""


def read_decision(content: str, keyed: Mapping[str, BoxCard]) -> Decision:
    """The decision in ``content``. What is not one of ``keyed`` is never a box."""
    answer = _only_object(content)
    key = answer.get("box")
    if not isinstance(key, str) or (key != "none" and key not in keyed):
        return UNCLEAR
    confidence = _confidence(answer.get("confidence"))
    evidence = _one_line(answer.get("reason"))
    runners_up = _suggestions(answer.get("runners_up"), keyed, chosen=key)
    if key != "none" and confidence >= SURE:
        box_id = keyed[key].id
        return Decision(box_id, confidence, "model_chose", evidence, runners_up)
    if key != "none":
        first = Suggestion(keyed[key].id, confidence)
        runners_up = (first, *runners_up)[:MAX_SUGGESTIONS]
    return Decision(None, confidence, "model_unsure", evidence, runners_up)


def _only_object(content: str) -> dict[str, Any]:
    """The one JSON object in ``content``, or an empty one.

    Without a response format, models think aloud first, fence the JSON and chat around it.
    """
    text = content.rpartition("</think>")[2]
    start = text.find("{")
    if start < 0 or len(text) > MAX_ANSWER or "[" in text[:start]:
        return {}
    try:
        answer, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return {}
    if "{" in text[end:]:
        return {}
    return answer if isinstance(answer, dict) else {}


def _confidence(value: object) -> float:
    """``value`` between 0 and 1; what says nothing counts as no confidence."""
    text = str(value).strip()
    try:
        number = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        return 0.0
    return min(1.0, max(0.0, number)) if math.isfinite(number) else 0.0


def _one_line(reason: object) -> str:
    if not isinstance(reason, str):
        return ""
    printable = "".join(c if c.isprintable() else " " for c in reason[: 5 * MAX_EVIDENCE])
    return " ".join(printable.split())[:MAX_EVIDENCE].rstrip()


def _suggestions(
    runners_up: object, keyed: Mapping[str, BoxCard], chosen: str
) -> tuple[Suggestion, ...]:
    """The runners-up that are boxes, each once, best first."""
    found: dict[str, Suggestion] = {}
    for item in runners_up if isinstance(runners_up, list) else []:
        key = item.get("box") if isinstance(item, dict) else None
        if isinstance(key, str) and key in keyed and key != chosen:
            confidence = _confidence(item.get("confidence"))
            found.setdefault(key, Suggestion(keyed[key].id, confidence))
    best_first = sorted(found.values(), key=lambda one: one.confidence, reverse=True)
    return tuple(best_first[:MAX_SUGGESTIONS])
