"""Orders to the notebook: "anota em Viagem", "file this under Thesis", "não, em Casa"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from notes.classifiers.boxes import Roster
from notes.classifiers.mentions import Heard
from notes.classifiers.misheard import name_at
from notes.classifiers.phrases import (
    ARTICLES,
    BARE_BEFORE,
    BOX_LINKS,
    BOX_NOUNS,
    COMMANDS,
    CORRECTIONS,
    CORRECTS_DIRECTLY,
    FILLERS,
    INTO,
    INTO_AT_THE_END,
    NEEDS_OBJECT,
    NOT,
    NOT_BRIDGE,
    NOTE_TAKING,
    OBJECTS,
    OWN_BOX_NOUNS,
)

MAX_ORDERS = 60
MAX_FILLERS = 6
MAX_OBJECT_WORDS = 10
CORRECTED_WITHIN = 6


@dataclass(frozen=True)
class Order:
    """A box asked for at ``words[start:end]``, or ``refused`` there."""

    box: int
    start: int
    end: int
    heard_rightly: bool
    refused: bool = False


def find_orders(roster: Roster, heard: Heard) -> list[Order]:
    """All orders in the order spoken; one that is corrected ("não, em Casa") is left out."""
    orders: list[Order] = []
    tries = 0
    at = 0
    while at < len(heard.words) and tries < MAX_ORDERS:
        order = None
        if _may_start(heard, at):
            tries += 1
            order = _order_at(roster, heard, at) or _correction_at(roster, heard, at, orders)
        if order is None:
            at += 1
            continue
        at = order.end
        orders.append(order)
    return orders


def _may_start(heard: Heard, at: int) -> bool:
    word = heard.words[at].plain
    return word in COMMANDS or word in OWN_BOX_NOUNS or word in CORRECTIONS


def _order_at(roster: Roster, heard: Heard, at: int) -> Order | None:
    word = heard.words[at].plain
    if word in OWN_BOX_NOUNS:
        return _box_noun(roster, heard, at)
    if word not in COMMANDS:
        return None
    for slot in _slots(heard, at):
        named = name_at(roster, heard, slot)
        if named:
            box, end, rightly = named
            return Order(box, at, end, rightly, is_refused(heard, at))
    return _with_object(roster, heard, at)


def _slots(heard: Heard, at: int) -> Iterator[int]:
    """Where the name may begin after the verb at ``at``: past "isso aí", "em", "a caixinha"."""
    objects = False
    for place in range(at + 1, min(at + 2 + MAX_FILLERS, len(heard.words))):
        word = heard.words[place].plain
        objects = objects or word in OBJECTS
        if word in INTO and (objects or heard.words[at].plain not in NEEDS_OBJECT):
            yield from _past_box_noun(heard, place + 1)
        if word not in FILLERS and word not in INTO:
            return


def _past_box_noun(heard: Heard, slot: int) -> Iterator[int]:
    """The slot itself, and after articles and "caixinha de", for names that begin so too."""
    yield from _within(heard, slot)
    while _word(heard, slot) in ARTICLES:
        slot += 1
        yield from _within(heard, slot)
    if _word(heard, slot) in BOX_NOUNS:
        slot += 1
        while _word(heard, slot) in BOX_LINKS:
            slot += 1
        yield from _within(heard, slot)


def _within(heard: Heard, slot: int) -> Iterator[int]:
    if slot < len(heard.words) and heard.words[slot].plain not in ARTICLES | BOX_NOUNS:
        yield slot


def _word(heard: Heard, at: int) -> str:
    return heard.words[at].plain if 0 <= at < len(heard.words) else ""


def _box_noun(roster: Roster, heard: Heard, at: int) -> Order | None:
    """ "Caixinha Casa", "box de Casa", "Work box"."""
    slot = at + 1
    while _word(heard, slot) in BOX_LINKS:
        slot += 1
    named = name_at(roster, heard, slot)
    if named and (named[2] or slot == at + 1):
        return Order(named[0], at, named[1], named[2], is_refused(heard, at))
    for start in range(max(at - 3, 0), at) if heard.words[at].plain == "box" else ():
        named = name_at(roster, heard, start)
        if named and named[1] == at and named[2]:
            return Order(named[0], start, at + 1, True, is_refused(heard, start))
    return None


def _with_object(roster: Roster, heard: Heard, at: int) -> Order | None:
    """ "Anota comprar pão em Compras": the box ends the sentence, a bare "em casa" is a place."""
    first, end = heard.clause(at)
    if heard.words[at].plain not in NOTE_TAKING or at - first > 2 or end - at > MAX_OBJECT_WORDS:
        return None
    for place in range(at + 2, end - 1):
        if heard.words[place].plain not in INTO_AT_THE_END:
            continue
        for slot in _past_box_noun(heard, place + 1):
            bare = heard.words[place].plain in BARE_BEFORE.get(heard.words[slot].plain, ())
            named = None if bare else name_at(roster, heard, slot)
            if named and named[1] == end and named[2]:
                return Order(named[0], at, end, True, is_refused(heard, at))
    return None


def _correction_at(roster: Roster, heard: Heard, at: int, orders: list[Order]) -> Order | None:
    """ "Anota em Casa, não, em Viagem": drops the last order, and takes the new box."""
    word, following = heard.words[at], heard.window(at + 1, at + 2)
    if word.plain not in CORRECTIONS or not following:
        return None
    alone = heard.words[at + 1].clause != word.clause or following[0] in INTO | CORRECTIONS
    if not alone and word.plain not in CORRECTS_DIRECTLY:
        return None
    if not orders or at - orders[-1].end > CORRECTED_WITHIN or orders[-1].refused:
        return None
    slot = at + 1
    while _word(heard, slot) in INTO | ARTICLES | CORRECTIONS | BOX_LINKS | COMMANDS:
        slot += 1
    named = name_at(roster, heard, slot)
    if not named or not named[2]:
        return None
    orders.pop()
    return Order(named[0], at, named[1], True)


def is_refused(heard: Heard, start: int) -> bool:
    """Whether the words before ``start`` deny it: "não é da", "instead of", "nem"."""
    for at in range(start - 1, max(start - 8, -1), -1):
        word = heard.words[at]
        if word.clause != heard.words[start].clause:
            return False
        if word.plain in NOT:
            return True
        if word.plain not in NOT_BRIDGE:
            return False
    return False


def is_refused_after(heard: Heard, end: int) -> bool:
    """Whether "não" follows and ends the clause: "Casa não, Trabalho"."""
    if _word(heard, end) not in ("nao", "not"):
        return False
    return heard.words[end - 1].clause == heard.words[end].clause and heard.clause(end)[1] == (
        end + 1
    )
