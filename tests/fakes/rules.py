"""What the vendor refuses, and in which words. Sources: docs/providers.md."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from tests.fakes.faults import error_body
from tests.fakes.multipart import Form

EXTENSIONS = ("flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm")
MAX_BYTES = 26_214_400
#: Name and shutdown date, as ``GET /v1/models`` tells them.
MODELS: Mapping[str, str | None] = {
    "gpt-transcribe": None,
    "whisper-1": "2027-02-26",
    "gpt-4o-transcribe": "2027-02-26",
    "gpt-4o-mini-transcribe": "2027-02-26",
    "gpt-4o-transcribe-diarize": "2027-02-26",
    "gpt-6-luna": None,
    "gpt-5-mini": None,
    "gpt-4o-mini": "2027-01-14",
}
FORMATS = {"gpt": {"json"}, "whisper": {"json", "text", "srt", "verbose_json", "vtt"}}


class Refusal(Exception):
    """A request the vendor answers with a 4xx."""

    def __init__(
        self, message: str, param: str | None = None, *, status: int = 400, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = error_body(status, message, code=code, param=param)


def check_key(authorization: str, keys: Collection[str] | None) -> None:
    """``keys`` None: any key will do, but there must be one."""
    key = authorization.removeprefix("Bearer ").strip()
    if not key or (keys is not None and key not in keys):
        shown = f"{key[:3]}***{key[-2:]}"
        message = f"Incorrect API key provided: {shown}."
        raise Refusal(message, status=401, code="invalid_api_key")


def check_model(model: str, models: Collection[str]) -> None:
    if model not in models:
        message = f"The model `{model}` does not exist or you do not have access to it."
        raise Refusal(message, status=404, code="model_not_found")


def check_transcription(form: Form) -> None:
    """The file, then what this family of models takes."""
    _check_file(form)
    model = form.value("model")
    if model.startswith("gpt-transcribe"):
        _check_keywords_family(form)
    elif model.startswith(("whisper-1", "gpt-4o-")):
        _check_prompt_family(form, model)


def _check_file(form: Form) -> None:
    if not form.data:
        raise Refusal("Audio file is missing or empty.", "file")
    extension = form.filename.rpartition(".")[2].lower()
    if "." not in form.filename or extension not in EXTENSIONS:
        raise Refusal(f"Unsupported file format {extension}", "file", code="unsupported_format")
    if len(form.data) > MAX_BYTES:
        size = f"({len(form.data)} bytes read)"
        message = f"413: Maximum content size limit ({MAX_BYTES}) exceeded {size}"
        raise Refusal(message, status=413)


def check_length(seconds: float, most: float | None) -> None:
    """In OpenAI's words for gpt-4o-transcribe (murtaza-nasir/speakr#168)."""
    if most is not None and seconds > most:
        message = (
            f"audio duration {seconds} seconds is longer than {most:g} seconds which is the"
            " maximum for this model"
        )
        raise Refusal(message, code="invalid_value")


def _check_format(form: Form, formats: Collection[str]) -> None:
    asked = form.value("response_format") or "json"
    if asked not in formats:
        message = f"response_format '{asked}' is not compatible with this model."
        raise Refusal(message, "response_format", code="unsupported_value")


def _check_keywords_family(form: Form) -> None:
    _check_format(form, FORMATS["gpt"])
    if form.values("language") and form.values("languages"):
        raise Refusal("Send either language or languages, not both.", "language")
    for language in form.values("languages"):
        _check_language(language, "languages")
    for keyword in form.values("keywords"):
        if re.search(r"[<>\r\n]", keyword) or not keyword.strip():
            raise Refusal("Invalid keyword.", "keywords", code="invalid_value")


def _check_prompt_family(form: Form, model: str) -> None:
    _check_format(form, FORMATS["whisper" if model.startswith("whisper") else "gpt"])
    for name in ("keywords", "languages"):
        if form.values(name):
            raise _unsupported(name)
    if "diarize" in model and form.values("prompt"):
        raise _unsupported("prompt")
    for language in form.values("language"):
        _check_language(language, "language")


def _check_language(language: str, param: str) -> None:
    if not re.fullmatch("[a-z]{2}", language):
        raise Refusal(f"unsupported language: {language}", param, code="unsupported_language")


def _unsupported(name: str, hint: str = "") -> Refusal:
    message = f"Unsupported parameter: '{name}' is not supported with this model.{hint}"
    return Refusal(message, name, code="unsupported_parameter")


def check_chat(body: Any, refuses: Collection[str]) -> None:
    """``refuses``: what a lesser server does not take, by name of parameter or format."""
    if not isinstance(body, dict) or not body.get("messages"):
        raise Refusal("Missing required parameter: 'messages'.", "messages")
    for name in sorted(set(refuses) & set(body)):
        raise _unsupported(name)
    if re.match(r"gpt-[56]|o\d", body["model"]):
        if "max_tokens" in body:
            raise _unsupported("max_tokens", " Use 'max_completion_tokens' instead.")
        if body.get("temperature", 1) != 1:
            message = "Unsupported value: 'temperature' does not support this value."
            raise Refusal(message, "temperature", code="unsupported_value")
    _check_response_format(body, refuses)


def _check_response_format(body: dict[str, Any], refuses: Collection[str]) -> None:
    asked = body.get("response_format", {"type": "text"})
    kind = asked.get("type")
    if kind in refuses:
        message = f"Invalid parameter: 'response_format' of type '{kind}' is not supported."
        raise Refusal(message, "response_format")
    if kind == "json_object" and "json" not in str(body["messages"]).lower():
        raise Refusal("'messages' must contain the word 'json' in some form.", "messages")
    if kind == "json_schema":
        wanted = asked.get("json_schema", {})
        if wanted.get("strict"):
            _check_strict(wanted.get("schema", {}), "()")


def _check_strict(schema: dict[str, Any], where: str) -> None:
    """Strict mode: every property required, no other allowed, all the way down."""
    properties = schema.get("properties", {})
    if schema.get("type") == "object":
        complaint = ""
        if schema.get("additionalProperties") is not False:
            complaint = "'additionalProperties' is required to be supplied and to be false."
        elif set(schema.get("required", [])) != set(properties):
            complaint = "'required' is required to include every key in properties."
        if complaint:
            message = f"Invalid schema for response_format: In context={where}, {complaint}"
            raise Refusal(message, "response_format")
    for name, inner in properties.items():
        _check_strict(inner, f"('properties', '{name}')")
    if "items" in schema:
        _check_strict(schema["items"], f"{where}.items")
