"""What models invent is dropped where it is all there is, and kept in a longer transcript."""

from __future__ import annotations

import pytest

from notes.transcribers import Segment, Transcript
from notes.transcribers.filters import PHANTOMS, is_echo, is_loop, is_phantom
from notes.transcription import Heard, joined, seems_cut_off

NOTE = "Preciso ligar para o encanador amanhã cedo."
HINTS = ("Casa", "Trabalho", "Jardim", "regar as plantas")


@pytest.mark.parametrize("phrase", sorted(PHANTOMS))
def test_a_phantom_is_dropped_alone_and_kept_in_a_longer_transcript(phrase: str) -> None:
    for written in (
        phrase,
        phrase.capitalize() + ".",
        f" {phrase.upper()}!",
        f"{phrase}. {phrase}.",
    ):
        assert joined([Heard(0, Transcript(written, "pt"))]) == Transcript("")
    for longer in (f"{NOTE} {phrase.capitalize()}.", f"{phrase.capitalize()}. {NOTE}"):
        assert joined([Heard(0, Transcript(longer, "pt"))]).text == longer


@pytest.mark.parametrize(
    "written",
    [
        "Legendas pela comunidade Amara.org",
        "Legendas por Fulano de Tal",
        "Legenda por Sônia Ruberti",
        "Inscreva-se no canal!",
        "Tchau, tchau. Tchau, tchau.",
        "Obrigado. Obrigado por assistir!",
        "Subtitles by the Amara.org community",
        "Don’t forget to like and subscribe.",
    ],
)
def test_phantoms_as_models_write_them(written: str) -> None:
    assert is_phantom(written)


@pytest.mark.parametrize(
    "said",
    [
        "",
        NOTE,
        "Obrigado pela ajuda com a mudança.",
        "Legendas por fazer: o vídeo da festa da escola e o da viagem.",
        "Tchau, mãe, até domingo.",
    ],
)
def test_what_a_person_says_is_no_phantom(said: str) -> None:
    assert not is_phantom(said)


@pytest.mark.parametrize(
    ("text", "loop"),
    [
        ("a " * 40, True),
        ("não, não, não, não, não, não, não, não, não", True),
        ("vamos lá " * 12, True),
        ("não não não, isso não", False),
        ("toc toc toc", False),
        (NOTE, False),
        (NOTE * 20, False),
    ],
)
def test_one_word_for_ever_is_no_note(text: str, loop: bool) -> None:
    assert is_loop(text) is loop


@pytest.mark.parametrize(
    ("text", "echo"),
    [
        ("Casa, Trabalho, Jardim, regar as plantas", True),
        ("casa trabalho jardim regar plantas", True),
        ("Anota em Jardim: regar as plantas", False),
        ("Casa", False),
        ("", False),
    ],
)
def test_hints_read_out_are_no_note(text: str, echo: bool) -> None:
    assert is_echo(text, HINTS) is echo


def test_two_hints_are_too_few_to_be_an_echo() -> None:
    assert not is_echo("casa trabalho", ("Casa", "Trabalho"))


@pytest.mark.parametrize(
    ("letters", "seconds", "cut"), [(200, 119, False), (200, 300, True), (3_000, 300, False)]
)
def test_a_long_part_with_few_letters_was_cut_off(letters: int, seconds: float, cut: bool) -> None:
    assert seems_cut_off(Transcript("x" * letters), seconds) is cut


def test_parts_are_joined_in_the_order_of_the_recording() -> None:
    later = Heard(9.0, Transcript("dois", "en", segments=(Segment(9, 10, "dois"),)))
    first = Heard(0.0, Transcript("um", "pt", segments=(Segment(0, 1, "um"),)))
    nothing = Heard(5.0, Transcript(""))
    assert joined([later, nothing, first]) == Transcript(
        "um dois", "pt", segments=(Segment(0, 1, "um"), Segment(9, 10, "dois"))
    )
