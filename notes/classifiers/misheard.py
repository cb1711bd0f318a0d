"""Names that a speech recogniser split or misspelt."""

from __future__ import annotations

from collections.abc import Iterator

from rapidfuzz import fuzz, process

from notes.classifiers.boxes import Names, Roster
from notes.classifiers.mentions import Heard
from notes.classifiers.phrases import FUNCTION_WORDS
from notes.classifiers.words import consonants, number_forms, sound

# Fifteen minutes of speech; names said later are still found when they were heard rightly.
MAX_WORDS = 2_000
MAX_PIECES = 4
MAX_FOUND = 1_000
LIKE_A_COINED_NAME = 84.0
# "Escala" is no "escola", even after "anota na".
LIKE_A_NAME_AFTER_A_COMMAND = 84.0
LEAST_LEAD = 6.0


def find_misheard(roster: Roster, heard: Heard) -> Iterator[tuple[int, int, int]]:
    """Where a box seems to be named: (box, start, end). Ordinary words must sound the same."""
    same: dict[str, set[int]] = {}
    alike: dict[str, list[tuple[str, int]]] = {}
    lengths: set[int] = set()
    for known in roster.boxes:
        for joined in known.joined:
            sounding = sound(joined)
            if len(joined) < (5 if known.coined else 6) or len(sounding) < 4:
                continue
            lengths.update(range(len(joined) - 3, len(joined) + 4))
            same.setdefault(sounding, set()).add(known.box)
            if known.coined:
                alike.setdefault(consonants(sounding), []).append((sounding, known.box))
    found = 0
    for start, end, joined in _runs(heard, lengths):
        sounding = sound(joined)
        boxes = same.get(sounding, set()) | _alike(alike, sounding)
        for box in boxes:
            if not _is_heard_rightly(roster.boxes[box], heard, start, end):
                yield box, start, end
        found += len(boxes)
        if found > MAX_FOUND:
            return


def _alike(alike: dict[str, list[tuple[str, int]]], sounding: str) -> set[int]:
    return {
        box
        for name, box in alike.get(consonants(sounding), ())[:20]
        if fuzz.ratio(name, sounding) >= LIKE_A_COINED_NAME
    }


def _runs(heard: Heard, lengths: set[int]) -> Iterator[tuple[int, int, str]]:
    words = heard.words[:MAX_WORDS]
    for start, first in enumerate(words):
        joined = ""
        for end in range(start + 1, min(start + MAX_PIECES, len(words)) + 1):
            last = words[end - 1]
            joined += last.plain
            if last.clause != first.clause or len(joined) > 40:
                break
            edges_mean_something = not {first.plain, last.plain} & FUNCTION_WORDS
            if len(joined) in lengths and edges_mean_something:
                yield start, end, joined


def _is_heard_rightly(known: Names, heard: Heard, start: int, end: int) -> bool:
    """Whether the exact search has already judged these words."""
    said = heard.window(start, end)
    return any(_are_alike(words, said) for words in known.full)


def _are_alike(words: tuple[str, ...], said: list[str]) -> bool:
    return len(words) == len(said) and all(
        number_forms(word) & number_forms(spoken) for word, spoken in zip(words, said, strict=True)
    )


def name_at(roster: Roster, heard: Heard, start: int) -> tuple[int, int, bool] | None:
    """The box named right at word ``start``: (box, end, whether heard rightly), or None.

    Tries the name as it is, then one telling word of it ("Apolo" for "Projeto Apolo"), then
    likeness; each only when a single box answers.
    """
    if start >= len(heard.words):
        return None
    return (
        _exactly(roster, heard, start)
        or _by_one_word(roster, heard, start)
        or _by_likeness(roster, heard, start)
    )


def _exactly(roster: Roster, heard: Heard, start: int) -> tuple[int, int, bool] | None:
    longest: dict[int, int] = {}
    for form in number_forms(heard.words[start].plain):
        for box, words in roster.by_beginning.get(form, ()):
            end = start + len(words)
            if _are_alike(words, heard.window(start, end)):
                longest[box] = max(end, longest.get(box, 0))
    if not longest:
        return None
    end = max(longest.values())
    boxes = [box for box, reach in longest.items() if reach == end]
    return (boxes[0], end, True) if len(boxes) == 1 else None


def _by_one_word(roster: Roster, heard: Heard, start: int) -> tuple[int, int, bool] | None:
    said = heard.words[start].plain
    if len(said) < 4 or said in FUNCTION_WORDS:
        return None
    boxes: set[int] = set()
    for form in number_forms(said):
        boxes |= roster.by_word.get(form, set())
    return (boxes.pop(), start + 1, True) if len(boxes) == 1 else None


def _by_likeness(roster: Roster, heard: Heard, start: int) -> tuple[int, int, bool] | None:
    best: dict[int, tuple[float, int]] = {}
    joined = ""
    for end in range(start + 1, min(start + MAX_PIECES, len(heard.words)) + 1):
        if heard.words[end - 1].clause != heard.words[start].clause:
            break
        joined += heard.words[end - 1].plain
        for box, likeness in _likely(roster, sound(joined)):
            if likeness > best.get(box, (0.0, 0))[0]:
                best[box] = (likeness, end)
    ranked = sorted(best.items(), key=lambda item: -item[1][0])
    if not ranked or ranked[0][1][0] < LIKE_A_NAME_AFTER_A_COMMAND:
        return None
    if len(ranked) > 1 and ranked[0][1][0] - ranked[1][1][0] < LEAST_LEAD:
        return None
    return ranked[0][0], ranked[0][1][1], False


def _likely(roster: Roster, sounding: str) -> Iterator[tuple[int, float]]:
    """Boxes that sound like it; short ones must sound the same, for "causa" is not "casa"."""
    if not 2 < len(sounding) < 40:
        return
    cutoff = LIKE_A_NAME_AFTER_A_COMMAND - LEAST_LEAD if len(sounding) > 4 else 100.0
    for name, likeness, place in process.extract(
        sounding, roster.sounds, scorer=fuzz.ratio, score_cutoff=cutoff, limit=10
    ):
        if len(name) > 4 or likeness == 100.0:
            yield roster.sounding[place], likeness
