"""What the fake says when nobody scripted anything: the same words for the same question."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

from tests.fakes.multipart import Form


def text_for(sha256: str) -> str:
    """The transcript of a recording that no table knows, so that tests can tell whose it is."""
    return f"nota {sha256[:12]}"


def transcription(form: Form, text: str) -> dict[str, Any]:
    """The answer in the shape of this model: only whisper-1 tells language and duration."""
    seconds = round(len(form.data or b"") / 16_000, 2)
    usage = {"type": "duration", "seconds": int(seconds) + 1}
    if form.value("model").startswith("gpt-transcribe"):
        languages = [{"code": code} for code in form.values("languages")]
        return {"text": text, "languages": languages, "usage": usage}
    if form.value("response_format") == "verbose_json":
        heard = {"task": "transcribe", "language": "portuguese", "duration": seconds}
        return {**heard, "text": text, "segments": [], "usage": usage}
    return {"text": text, "usage": usage}


def completion(model: str, content: str | None, **message: Any) -> dict[str, Any]:
    """A chat completion whose message is ``content``, with ``message``'s fields besides."""
    said = {"role": "assistant", "content": content, "refusal": None, **message}
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": model,
        "choices": [{"index": 0, "message": said, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def filing(messages: list[dict[str, Any]]) -> str:
    """The box whose name or keyword occurs in the note, or none. Reads our own delimiters."""
    asked = "\n".join(str(message.get("content", "")) for message in messages[1:])
    note = _fold(_between("note", asked))
    for line in _between("boxes", asked).splitlines():
        try:
            box = json.loads(line)
        except ValueError:
            continue
        for word in [box["name"], *box.get("keywords", [])]:
            if re.search(rf"\b{re.escape(_fold(word))}\b", note):
                return _choice(box["key"], 0.9, f"Fala de {word}.")
    return _choice("none", 0.2, "Nenhuma caixa combina.")


def _choice(key: str, confidence: float, reason: str) -> str:
    choice = {"box": key, "confidence": confidence, "reason": reason, "runners_up": []}
    return json.dumps(choice, ensure_ascii=False)


def _between(tag: str, text: str) -> str:
    found = re.search(rf"<{tag}>\n(.*?)\n</{tag}>", text, re.DOTALL)
    return found[1] if found else ""


def _fold(text: str) -> str:
    """Without case and accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
