"""What models write where nobody said it: phantom sentences, our own hints, one word for ever.

Trained on subtitles, they fill silence with what ends a film. A person may say any of these
sentences in a note, so a phantom is dropped only where it is the whole transcript.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

#: Without case, accents and punctuation. Portuguese ones from public code (see docs/providers.md).
PHANTOMS = frozenset(
    {
        "legendas pela comunidade amara org",
        "legendas pela comunidade de amara org",
        "legendas em portugues pela comunidade amara org",
        "legenda amara org",
        "amara org",
        "obrigado por assistir",
        "obrigada por assistir",
        "obrigado por assistir ao video",
        "muito obrigado por assistir",
        "obrigado por assistirem",
        "inscreva se no canal",
        "se inscreva no canal",
        "inscreva se no canal e ative o sininho",
        "deixe seu like e se inscreva no canal",
        "nao se esqueca de se inscrever no canal",
        "ate o proximo video",
        "tchau tchau",
        "tchau",
        "obrigado",
        "obrigada",
        "muito obrigado",
        "e ai",
        "thanks for watching",
        "thank you for watching",
        "thank you so much for watching",
        "thanks for watching and see you next time",
        "thank you",
        "thank you very much",
        "thanks",
        "please subscribe",
        "please subscribe to my channel",
        "please like and subscribe",
        "dont forget to like and subscribe",
        "like and subscribe",
        "see you in the next video",
        "see you next time",
        "subtitles by the amara org community",
        "subtitles by amara org",
        "bye",
        "bye bye",
        "you",
    }
)
#: Credits name somebody: "Legendas por Fulano", "Subtitles by ...".
CREDITS = re.compile(
    r"(legendas?|legendado|traducao e legendas?|transcricao e legendas?) (por|pela|pelo)( \w+){1,4}"
    r"|(subtitles|subtitled|captions|captioning|transcribed|transcription) by( \w+){1,4}"
)
#: So many words that are nearly all the same one are a loop.
LOOP_WORDS, LOOP_SHARE = 8, 0.9
#: An echo is made of nearly nothing but our hints, and uses most of them.
ECHO_FROM, ECHO_OF_TEXT, ECHO_OF_HINTS = 4, 0.9, 0.7


def plain(text: str) -> str:
    """``text`` as bare words in lower case without accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("'", "").replace("’", ""))
    kept = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join(re.findall(r"\w+", kept))


def is_phantom(transcript: str) -> bool:
    """Whether the whole of ``transcript`` is what models write into silence.

    One said twice is one still.
    """
    sentences = {plain(sentence) for sentence in re.split(r"[.!?\n♪]+(?=\s|$)", transcript)} - {""}
    words = plain(transcript)
    known = sentences and all(_is_known(sentence) for sentence in sentences)
    return bool(words) and bool(known or _is_known(words))


def _is_known(sentence: str) -> bool:
    return sentence in PHANTOMS or CREDITS.fullmatch(sentence) is not None


def is_loop(text: str) -> bool:
    """Whether ``text`` is one word (or short phrase) over and over."""
    words = plain(text).split()
    if len(words) < LOOP_WORDS:
        return False
    return any(_is_loop_of(words, length) for length in (1, 2, 3))


def _is_loop_of(words: list[str], length: int) -> bool:
    """Whether groups of so many words are nearly all the same one."""
    groups = Counter(
        tuple(words[at : at + length]) for at in range(0, len(words) - length + 1, length)
    )
    most = groups.most_common(1)[0][1]
    return most * length >= LOOP_WORDS and most >= LOOP_SHARE * sum(groups.values())


def is_echo(text: str, hints: Iterable[str]) -> bool:
    """Whether ``text`` is but the hints we sent, which some models read out for silence."""
    words, given = plain(text).split(), {word for hint in hints for word in plain(hint).split()}
    if len(given) < ECHO_FROM or not words:
        return False
    from_hints = sum(word in given for word in words) / len(words)
    used = len(given & set(words)) / len(given)
    return from_hints >= ECHO_OF_TEXT and used >= ECHO_OF_HINTS
