"""Filing by rules: what the owner said about the boxes, without a model, a bill or a network."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from notes.classifiers import BoxCard, Decision, Suggestion
from notes.classifiers.boxes import MAX_BOXES, Roster, phrases_of
from notes.classifiers.mentions import Heard, Hit, Kind, find, plain_words
from notes.classifiers.misheard import find_misheard
from notes.classifiers.phrases import ECHOES
from notes.classifiers.spoken import Order, find_orders, is_refused, is_refused_after
from notes.classifiers.weights import (
    MISHEARD,
    NAMED,
    SUBJECT,
    keyword_weight,
    name_weight,
    together,
)
from notes.classifiers.words import Word, split_words

SURE = 0.75

ORDERED = 20.0
ENOUGH = 0.7
LEAD = 0.3
MAX_SUGGESTIONS = 5
MAX_EVIDENCE = 200

# On silence recognisers repeat their prompt: nobody said those box names.
ECHO_WORDS = tuple(plain_words(echo) for echo in ECHOES)
ECHO_BEGINNINGS = frozenset(echo[0] for echo in ECHO_WORDS)
MAX_ECHO_WORDS = max(len(echo) for echo in ECHO_WORDS)
SENTENCE_END = re.compile(r"[.\n]")


@dataclass
class Case:
    """What speaks for one box."""

    named: list[tuple[float, str]] = field(default_factory=list)
    keywords: dict[tuple[str, ...], tuple[float, str]] = field(default_factory=dict)
    misheard: bool = False
    ordered: bool = False
    refused: bool = False

    @property
    def score(self) -> float:
        """One number to compare boxes by; a name counts before keywords, an order before both."""
        if self.refused and not self.ordered:
            return 0.0
        weights = sorted((weight for weight, _ in self.named), reverse=True)
        names = weights[0] + min(0.2 * sum(weights[1:]), 1.0) if weights else 0.0
        keywords = together([weight for weight, _ in self.keywords.values()])
        return names + keywords + (ORDERED if self.ordered else 0.0)

    @property
    def reason(self) -> str:
        """The code of the strongest thing said."""
        if self.ordered:
            return "spoken_command"
        keywords = together([weight for weight, _ in self.keywords.values()])
        if not self.named or max(self.named)[0] < min(keywords, NAMED):
            return "keywords_matched"
        return "name_misheard" if self.misheard else "name_mentioned"

    @property
    def confidence(self) -> float:
        """Between 0 and 1, as if no other box had been spoken of."""
        if self.ordered:
            return 0.9 if self.misheard else 0.98
        strength = 0.6 + 0.3 * (1 - 0.5 ** max(self.score - ENOUGH, 0.0))
        if self.reason == "keywords_matched" or max(self.named)[0] < MISHEARD:
            return round(min(strength, 0.9) if self.score >= ENOUGH else self.score / 2, 3)
        return 0.8 if self.misheard else 0.9

    @property
    def evidence(self) -> str:
        """The words heard that decided."""
        if self.reason == "keywords_matched":
            said = [quote for _, quote in self.keywords.values()]
        else:
            said = [max(self.named)[1]]
        return ", ".join(dict.fromkeys(said))[:MAX_EVIDENCE]


class RulesClassifier:
    """Files a note by orders, names and keywords heard; the Inbox when they leave a doubt."""

    provider = "rules"
    model = ""

    def classify(self, transcript: str, boxes: Sequence[BoxCard]) -> Decision:
        """Choose the box that was spoken of most clearly; a tie or nothing is the Inbox.

        Pure and bounded: texts of 100,000 characters and 200 boxes of 50 keywords take a fraction
        of a second; what exceeds that is left unread. Never raises.
        """
        text, words = split_words(transcript)
        heard = Heard(text, without_echo(text, words))
        if not heard.words:
            return Decision(None, 0.0, "empty_transcript")
        if not boxes:
            return Decision(None, 0.0, "no_boxes")
        return _decide(_cases(heard, boxes[:MAX_BOXES]), boxes)


def is_sure(decision: Decision) -> bool:
    """Whether a model need not be asked: the rules are sure, or there is nothing to choose."""
    if decision.box_id is None:
        return decision.reason in ("empty_transcript", "no_boxes")
    return decision.confidence >= SURE


def without_echo(text: str, words: list[Word]) -> list[Word]:
    """The words without sentences that only repeat a prompt ("Caixinhas disponíveis: ...")."""
    kept: list[Word] = []
    silent_until = 0
    for at, word in enumerate(words):
        if word.start >= silent_until and word.plain in ECHO_BEGINNINGS:
            said = tuple(other.plain for other in words[at : at + MAX_ECHO_WORDS])
            if any(said[: len(echo)] == echo for echo in ECHO_WORDS):
                stop = SENTENCE_END.search(text, word.end)
                silent_until = stop.end() if stop else len(text)
        if word.start >= silent_until:
            kept.append(word)
    return kept


def _cases(heard: Heard, boxes: Sequence[BoxCard]) -> dict[int, Case]:
    roster = Roster(boxes)
    cases: dict[int, Case] = defaultdict(Case)
    for order in find_orders(roster, heard):
        _add_order(cases[order.box], order, heard)
    for hit in find(phrases_of(boxes, roster), heard):
        _add_hit(cases[hit.phrase.box], hit, heard, roster)
    for box, start, end in find_misheard(roster, heard):
        if is_refused(heard, start):
            cases[box].refused = True
        elif not cases[box].named:
            cases[box].named.append((MISHEARD, heard.quote(start, end)))
            cases[box].misheard = True
    _prefer_the_other(cases.values())
    return cases


def _add_order(case: Case, order: Order, heard: Heard) -> None:
    case.refused = order.refused
    case.ordered = not order.refused
    if case.ordered:
        case.named.append((ORDERED, heard.quote(order.start, order.end)))
        case.misheard = not order.heard_rightly


def _add_hit(case: Case, hit: Hit, heard: Heard, roster: Roster) -> None:
    quote = heard.quote(hit.start, hit.end)
    if hit.phrase.kind is Kind.KEYWORD:
        weight = keyword_weight(hit)
        if weight > case.keywords.get(hit.phrase.words, (0.0, ""))[0]:
            case.keywords[hit.phrase.words] = (weight, quote)
    elif is_refused(heard, hit.start) or is_refused_after(heard, hit.end):
        case.refused = True
    else:
        weight = name_weight(hit, heard, roster.boxes[hit.phrase.box].coined)
        case.named.append((weight, quote))


def _prefer_the_other(cases: Iterable[Case]) -> None:
    """ "Não é da Casa, é do Trabalho": a refusal makes the box that is named the answer."""
    listed = list(cases)
    if not any(case.refused for case in listed):
        return
    for case in listed:
        if not case.refused and case.named and max(case.named)[0] >= 1.0:
            weight, quote = max(case.named)
            case.named.append((max(weight, SUBJECT), quote))


def _decide(cases: dict[int, Case], boxes: Sequence[BoxCard]) -> Decision:
    ranked = sorted(
        ((place, case) for place, case in cases.items() if case.score > 0),
        key=lambda item: (-item[1].score, item[0]),
    )
    suggestions = tuple(
        Suggestion(boxes[place].id, case.confidence) for place, case in ranked[:MAX_SUGGESTIONS]
    )
    if not ranked or ranked[0][1].score < ENOUGH:
        return Decision(None, 0.0, "no_match", "", suggestions)
    place, best = ranked[0]
    rival = ranked[1][1] if len(ranked) > 1 else Case()
    if best.score - rival.score < LEAD or (best.ordered and rival.ordered):
        evidence = f"{best.evidence}, {rival.evidence}"[:MAX_EVIDENCE]
        return Decision(None, 0.0, "ambiguous", evidence, suggestions)
    confidence = best.confidence
    if not best.ordered:
        # A rival half as strong is a doubt, though no reason to give up.
        confidence = round(confidence - 0.15 * min(rival.score / best.score, 1.0) ** 2, 3)
    return Decision(boxes[place].id, confidence, best.reason, best.evidence, suggestions[1:])
