"""What the page's scripts say, beside the server's texts; sent with each page as JSON."""

from __future__ import annotations

from notes.texts import Text, in_my_language
from page.texts import TEXTS

SCRIPT_TEXTS: dict[str, Text] = {}

#: Texts of the server's that scripts say too.
SHARED = (
    *(key for key in TEXTS if key.startswith("state.")),
    *("inbox", "note.no_words", "record.button", "record.pause", "record.hint"),
    *("count.one", "count.other"),
)


def texts_for_script() -> dict[str, str]:
    """Every text a script may say, in the language of the current request, not filled in."""
    texts = {**{key: TEXTS[key] for key in SHARED}, **SCRIPT_TEXTS}
    return {key: _as_written(text) for key, text in texts.items()}


def _as_written(text: Text) -> str:
    """``text`` with its ``{names}`` left for the script to fill in."""
    return in_my_language(Text(*(side.replace("{", "{{").replace("}", "}}") for side in text)))
