"""Words and boxes in, one box or none out. Rules first, always; a model when they are not sure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True)
class BoxCard:
    """What a classifier may know of one of the owner's boxes."""

    id: UUID
    name: str
    description: str = ""
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True)
class Suggestion:
    """A runner-up, with its confidence between 0 and 1."""

    box_id: UUID
    confidence: float


@dataclass(frozen=True)
class Decision:
    """Where a note belongs, and why.

    ``box_id`` is None for the Inbox. ``confidence`` lies between 0 and 1. ``reason`` is a code of
    :data:`notes.texts.FILING_REASONS`; ``evidence`` is what decided: the words heard, or the
    model's own sentence. ``suggestions`` are the boxes that came close, best first.
    """

    box_id: UUID | None
    confidence: float
    reason: str
    evidence: str = ""
    suggestions: tuple[Suggestion, ...] = ()


class Classifier(Protocol):
    """Something that can say where a note belongs."""

    provider: str
    model: str

    def classify(self, transcript: str, boxes: Sequence[BoxCard]) -> Decision:
        """Choose among ``boxes``, or none of them.

        Raises:
          notes.provider.Later: worth another try.
          notes.provider.Never: not before a person has changed something.
        """
        ...


def get_classifier() -> Classifier:
    """The model that is asked where the rules are not sure; imported late, as transcribers are."""
    from notes.classifiers.llm import get_llm_classifier

    return get_llm_classifier()
