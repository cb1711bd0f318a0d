"""Every word that a page says stands in the catalogue, in both languages, and is used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from notes.texts import Text
from page.script_texts import SCRIPT_TEXTS, SHARED, texts_for_script
from page.texts import TEXTS
from tests.services.run import REPOSITORY

PAGE = REPOSITORY / "page"
TEMPLATES = sorted((PAGE / "templates").rglob("*.*"))
SOURCES = sorted(PAGE.rglob("*.py"))
FILLED_IN = re.compile(
    # The name of a page, for its scripts, is a block of its own.
    r"\{% block page %\}.*?\{% endblock %\}|\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}",
    re.DOTALL,
)
TAG = re.compile(r"<[^>]*>")
TOLD = re.compile(r'\s(?:title|placeholder|alt|aria-label|content)="([^"]*)"')
SAYS = re.compile(r"""(?:\{%\s*t|say\()\s*"([^"]+)\"""")
COUNTS = re.compile(r"""(?:\{%\s*tn|say_count\()\s*"([^"]+)\"""")
NAMED = re.compile(r"\{(\w*)\}")
#: What is the same in every language.
NOT_WORDS = re.compile(r"curl -H \"Authorization: Bearer.*|TXT|×", re.DOTALL)


def keys_said() -> set[str]:
    said: set[str] = set()
    for path in [*TEMPLATES, *SOURCES]:
        text = path.read_text()
        said |= set(SAYS.findall(text))
        for key in COUNTS.findall(text):
            said |= {f"{key}.one", f"{key}.other"}
    # These are put together from what the API says.
    made = ("state.", "scope.", "theme.", "starter.")
    return said | {key for key in TEXTS if key.startswith(made)}


def test_what_is_said_is_in_the_catalogue_and_nothing_else_is() -> None:
    assert keys_said() | set(SHARED) == set(TEXTS)


@pytest.mark.parametrize("catalogue", [TEXTS, SCRIPT_TEXTS], ids=["server", "script"])
def test_both_languages_say_the_same_and_fill_in_the_same(catalogue: dict[str, Text]) -> None:
    for key, text in catalogue.items():
        assert text.pt.strip(), key
        assert text.en.strip(), key
        assert set(NAMED.findall(text.pt)) == set(NAMED.findall(text.en)), key
        if key.endswith(".one"):
            assert f"{key.removesuffix('.one')}.other" in catalogue


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_says_anything_itself(path: Path) -> None:
    if path.suffix == ".webmanifest":
        return
    html = FILLED_IN.sub("", path.read_text())
    assert re.findall(r"[^\W\d_]{2,}", NOT_WORDS.sub("", TAG.sub(" ", html))) == []
    told = [words for words in TOLD.findall(html) if re.search(r"\w", words)]
    assert [words for words in told if not words.startswith(("width=", "light dark"))] == []


def test_scripts_get_every_text_they_may_say() -> None:
    assert set(texts_for_script()) == set(SHARED) | set(SCRIPT_TEXTS)
    assert texts_for_script()["state.parts"] == "{done} de {total} partes"


def test_what_scripts_say_is_in_the_catalogue() -> None:
    said: set[str] = set()
    for path in (PAGE / "static" / "page" / "js").rglob("*.js"):
        said |= set(re.findall(r'\btext\(\s*"([\w.-]+)"', path.read_text()))
    known = set(texts_for_script())
    assert {key for key in said if key not in known and f"{key}.other" not in known} == set()
