"""Which parameters a chat server takes: hoped at first, learnt from its refusals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

#: By base URL and model, for the life of the process.
learnt: dict[tuple[str, str], Dialect] = {}

_FORMATS = {"json_schema": "json_object", "json_object": "text"}
_LIMITS = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
_REASONING = re.compile(r"gpt-[5-9](?!.*chat)|o\d")


@dataclass(frozen=True)
class Dialect:
    """The parameters that a server is known, or hoped, to take for a model."""

    format: str = "json_schema"
    extras: Mapping[str, object] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()

    def parameters(self, schema: dict[str, Any]) -> dict[str, Any]:
        """What to send besides model and messages."""
        if self.format == "text":
            return dict(self.extras)
        response_format: dict[str, object] = {"type": self.format}
        if self.format == "json_schema":
            response_format["json_schema"] = {"name": "filing", "strict": True, "schema": schema}
        return {**self.extras, "response_format": response_format}

    def without(self, words: str) -> Dialect | None:
        """The dialect to try after a refusal in ``words``; None if they name nothing we sent.

        The first parameter named is the one refused: "'max_tokens' is not supported. Use
        'max_completion_tokens'".
        """
        sent = {*self.extras, "response_format", "json_schema", "json_object"}
        named = [name for name in re.findall(r"\w+", words.lower()) if name in sent]
        if not named:
            return None
        if named[0] not in self.extras:
            lesser = _FORMATS.get(self.format)
            return replace(self, format=lesser) if lesser else None
        refused = self.refused | {named[0]}
        extras = {name: value for name, value in self.extras.items() if name != named[0]}
        other = _LIMITS.get(named[0])
        if other and other not in refused:
            extras[other] = self.extras[named[0]]
        return replace(self, extras=extras, refused=refused)


def first_dialect(model: str) -> Dialect:
    """What to try first. Models that reason count their thoughts against the limit."""
    if _REASONING.match(model.rsplit("/", 1)[-1]):
        return Dialect(extras={"max_completion_tokens": 4000, "reasoning_effort": "low"})
    return Dialect(extras={"max_tokens": 500, "temperature": 0})
