"""From a text to comparable words: accents, plurals, verb forms and sounds of two languages."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import snowballstemmer

MAX_CHARACTERS = 100_000

# Only these apostrophes belong to a word ("it's"); in "caixa d'água" it parts two.
WORD = re.compile(r"[^\W_]+(?:['’](?:s|t|re|ll|ve|m)\b)?", re.IGNORECASE)
CLAUSE_BREAK = re.compile(r"[,.;:!?…\n()\"“”–—]|\s-\s")

DIGITS = {
    word: str(number)
    for words in (
        "zero . dois tres quatro cinco seis sete oito nove dez onze doze",
        "zero . two three four five six seven eight nine ten eleven twelve",
        "zero . duas",
    )
    for number, word in enumerate(words.split())
    if word != "."
}

IRREGULAR = {
    "theses": "thesis",
    "children": "child",
    "kids": "kid",
    "wives": "wife",
    "lives": "life",
    "knives": "knife",
    "shelves": "shelf",
    "pães": "pão",
    "paes": "pao",
}
MASCULINE = (
    "filho aluno amigo primo neto sogro gato cachorro menino namorado noivo cunhado medico "
    "enfermeiro advogado funcionario vizinho"
)
FEMININE = {word[:-1] + "a": word for word in MASCULINE.split()}
FEMININE |= {"professora": "professor", "doutora": "doutor", "diretora": "diretor", "tia": "tio"}

PLURALS = tuple(
    (re.compile(pattern), singular)
    for pattern, singular in (
        (r"(?:oes|aes|aos)$", "ao"),
        (r"ais$", "al"),
        (r"eis$", "el"),
        (r"ois$", "ol"),
        (r"uis$", "ul"),
        (r"ns$", "m"),
        (r"(?<=[rzs])es$", ""),
        (r"ies$", "y"),
        (r"(?<=ch|sh|ss)es$", ""),
        (r"(?<=[xzo])es$", ""),
        (r"(?<=[^su])s$", ""),
    )
)

# Without one of these endings a short stem is no verb: "casa" is not "casar", "caso" neither.
VERB_ENDING = re.compile(r"(?:ar|er|ir|ei|ou|ando|endo|indo|aram|eram|iram|ava|avam|amos|emos)$")

PORTUGUESE = snowballstemmer.stemmer("portuguese")
ENGLISH = snowballstemmer.stemmer("english")


@dataclass(frozen=True)
class Word:
    """One word as heard: ``plain`` for comparing, the place in the text for quoting."""

    plain: str
    raw: str
    start: int
    end: int
    clause: int


@lru_cache(maxsize=50_000)
def plain(raw: str) -> str:
    """The word without case, accents and English contractions; digits for small numbers."""
    lowered = raw.replace("’", "'").casefold()
    if lowered.endswith("n't"):
        return "not"
    bare = lowered.split("'")[0]
    decomposed = unicodedata.normalize("NFKD", bare)
    folded = "".join(mark for mark in decomposed if not unicodedata.combining(mark))
    return DIGITS.get(folded, folded)


def split_words(text: str) -> tuple[str, list[Word]]:
    """The text as it may be quoted, and its words with their clause and place in it."""
    text = unicodedata.normalize("NFC", text[:MAX_CHARACTERS])
    words: list[Word] = []
    clause = 0
    end = 0
    for match in WORD.finditer(text):
        start = match.start()
        if text[end:start] != " " and CLAUSE_BREAK.search(text, end, start):
            clause += 1
        end = match.end()
        folded = plain(match.group())
        if folded:
            words.append(Word(folded, match.group(), start, end, clause))
    return text, words


@lru_cache(maxsize=50_000)
def number_forms(word: str) -> frozenset[str]:
    """The word and what its singular may be; two words are alike when these overlap."""
    forms = {word}
    if len(word) > 3:
        forms.update(p.sub(to, word) for p, to in PLURALS if p.search(word))
    forms.update(IRREGULAR[f] for f in tuple(forms) if f in IRREGULAR)
    forms.update(FEMININE[f] for f in tuple(forms) if f in FEMININE)
    return frozenset(forms)


@lru_cache(maxsize=50_000)
def heard_stems(word: str) -> frozenset[str]:
    """What a heard word may be an inflection of: nouns (``n:``), verbs (``v:``), English (``e:``).

    A Portuguese stem tells nouns apart only when it is long ("casa", "caso" and "casar" share
    one), so that short ones count for verbs alone.
    """
    stem = verb_stem(word)
    stems = {f"e:{ENGLISH.stemWord(word)}"}
    if len(stem) >= 5:
        stems.add(f"n:{stem}")
    if len(stem) >= 4 or VERB_ENDING.search(word):
        stems.add(f"v:{stem}")
    return frozenset(stems)


@lru_cache(maxsize=50_000)
def wanted_stems(word: str) -> frozenset[str]:
    """What a keyword accepts of :func:`heard_stems`."""
    stem = verb_stem(word)
    english = f"e:{ENGLISH.stemWord(word)}"
    if is_infinitive(word):
        return frozenset((f"v:{stem}", english))
    return frozenset((f"n:{stem}", english))


def is_infinitive(word: str) -> bool:
    """Whether the word looks like a Portuguese infinitive, so that its verb forms are meant."""
    return len(word) >= 5 and word.endswith(("ar", "er", "ir"))


def verb_stem(word: str) -> str:
    """The Portuguese stem, with spelling changes undone: "paguei" is "pag", "fiquei" is "fic"."""
    stem: str = PORTUGUESE.stemWord(word)
    if stem.endswith("gu") and len(stem) > 3:
        return stem[:-1]
    if stem.endswith("qu") and len(stem) > 3:
        return stem[:-2] + "c"
    return stem


SOUNDS = (
    ("ph", "f"), ("sh", "x"), ("ch", "x"), ("lh", "li"), ("nh", "ni"), ("qu", "k"), ("q", "k"),
    ("ce", "se"), ("ci", "si"), ("c", "k"), ("ge", "je"), ("gi", "ji"), ("ou", "o"), ("oo", "o"),
)  # fmt: skip
LETTERS = str.maketrans({"w": "o", "u": "o", "y": "i", "z": "s", "h": None})
REPEATED = re.compile(r"(.)\1+")
VOWELS = str.maketrans("", "", "aeiou")


@lru_cache(maxsize=50_000)
def sound(word: str) -> str:
    """How a plain word sounds, roughly: "uaizouk", "waizuk" and "uaisouc" are one."""
    for letters, heard in SOUNDS:
        if letters in word:
            word = word.replace(letters, heard)
    return REPEATED.sub(r"\1", word.translate(LETTERS))


def consonants(sounding: str) -> str:
    """The consonants of a sound, the part a recogniser seldom gets wrong."""
    return sounding.translate(VOWELS)
