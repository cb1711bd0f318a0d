"""What somebody types into a search box: words, "phrases", -without, OR."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from notes.search.stopwords import STOPWORDS

#: More words than a person types; each costs the database a look-up.
MAX_TERMS = 24
#: Shorter beginnings are in every other note.
MIN_PREFIX = 3

# Combining accents belong to their letter, as phones and Macs may send them.
WORD = re.compile(r"[^\W_](?:[^\W_]|[\u0300-\u036f])*")
_PART = re.compile(r'(?P<without>(?<!\S)-)?(?:"(?P<phrase>[^"]*)"?|(?P<bare>[^\s"]+))')


@dataclass(frozen=True)
class Term:
    """One word, or words in a row; ``prefix``: its last word may go on."""

    words: tuple[str, ...]
    without: bool = False
    prefix: bool = False

    @property
    def text(self) -> str:
        return " ".join(self.words)


#: Notes are found that fit all terms of any clause.
Clause = tuple[Term, ...]


def fold(word: str) -> str:
    """``word`` without case and accents."""
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(mark for mark in decomposed if not unicodedata.combining(mark))


def parse(text: str) -> tuple[Clause, ...]:
    """``text`` in the syntax of search engines; anything is taken, nothing is an error.

    ``OR`` (or ``OU``), in capitals, parts clauses. A word like "guarda-chuva" is a phrase. The last
    word is also looked for as a beginning, since it may not have been typed to its end. Small words
    count in phrases only. Without clauses there is nothing to look for.
    """
    clauses: list[list[Term]] = [[]]
    parts = list(_PART.finditer(text))
    for part in parts[:MAX_TERMS]:
        if part["bare"] in ("OR", "OU") and not part["without"]:
            clauses.append([])
            continue
        last = part is parts[-1] and part.end() == len(text) and part["phrase"] is None
        if term := _term(part, last):
            clauses[-1].append(term)
    return tuple(tuple(_without_small_end(clause)) for clause in clauses if clause)


def _without_small_end(clause: list[Term]) -> list[Term]:
    """``pão com`` is on its way to more words; a lone ``com`` to ``comprar``."""
    small = clause[-1].prefix and clause[-1].text in STOPWORDS
    return clause[:-1] if small and len(clause) > 1 else clause


def _term(part: re.Match[str], last: bool) -> Term | None:
    quoted = part["phrase"] is not None
    words = tuple(fold(word) for word in WORD.findall(part["phrase"] or part["bare"] or ""))
    if not words or not any(words):
        return None
    without = bool(part["without"])
    prefix = last and not without and len(words) == 1 and len(words[0]) >= MIN_PREFIX
    if len(words) == 1 and not quoted and words[0] in STOPWORDS and not prefix:
        return None
    return Term(words, without, prefix)
