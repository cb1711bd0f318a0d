"""What templates say and show: texts of the catalogue, moments, languages, themes."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django import template
from django.conf import settings
from django.utils import formats, timezone
from django.utils.html import json_script
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from page.appearance import theme_of, zone_of
from page.script_texts import texts_for_script
from page.texts import say, say_count

register = template.Library()


@register.simple_tag
def t(key: str, **values: object) -> str:
    """A text of the catalogue; what is filled in is escaped with the rest."""
    return say(key, **values)


@register.simple_tag
def tn(key: str, count: int) -> str:
    """A text of the catalogue that counts."""
    return say_count(key, count)


@register.simple_tag
def page_language() -> str:
    """The page's language, as HTML names it."""
    return "en" if (get_language() or "pt").startswith("en") else "pt-BR"


@register.simple_tag(takes_context=True)
def page_theme(context: dict[str, Any]) -> str:
    """``light``, ``dark`` or ``auto``."""
    request = context.get("request") or context.get("asked_by")
    return theme_of(request) if request else "auto"


@register.simple_tag
def page_texts() -> SafeString:
    """The texts that scripts say, as a data block: JSON, which no browser runs."""
    return json_script(texts_for_script(), "page-texts")


@register.simple_tag(takes_context=True)
def page_settings(context: dict[str, Any]) -> SafeString:
    """What scripts must know of this installation, as a data block."""
    told = {
        "max_upload_mb": settings.MAX_UPLOAD_MB,
        "max_audio_minutes": settings.MAX_AUDIO_MINUTES,
    }
    return json_script(told, "page-settings")


@register.simple_tag(takes_context=True)
def moment(context: dict[str, Any], when: datetime) -> str:
    """``when`` as the person reads times; with UTC where we do not know where they are."""
    zone = zone_of(context["request"])
    shown = formats.date_format(timezone.localtime(when, zone), "SHORT_DATETIME_FORMAT")
    return f"{shown} UTC" if zone is timezone.get_default_timezone() else shown


@register.filter
def minutes(seconds: float) -> str:
    """Seconds as minutes and seconds: ``3:07``."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02}"


@register.filter
def in_minutes(seconds: float) -> int:
    """Seconds as whole minutes, begun ones counted."""
    return -int(-seconds // 60)


@register.simple_tag
def state_of(note: Any) -> str:
    """What a note waits for, or how it ended."""
    status = note["processing_status"] if isinstance(note, dict) else note.processing_status
    speech = note["speech"] if isinstance(note, dict) else note.speech
    return say("state.silent" if status == "completed" and speech is False else f"state.{status}")


@register.simple_tag
def state_named(status: str) -> str:
    """A state as people read it."""
    return say(f"state.{status}")


@register.simple_tag
def scope_named(scope: str) -> str:
    """What a token opens, as people read it."""
    return say(f"scope.{scope}")


@register.simple_tag
def theme_named(theme: str) -> str:
    """A theme as people read it."""
    return say(f"theme.{theme}")


@register.simple_tag
def page_languages() -> list[tuple[str, str]]:
    """The languages there are: code, and name in itself."""
    return [(code, str(name)) for code, name in settings.LANGUAGES]


@register.filter
def as_json(value: object) -> str:
    """Numbers as JSON has them, whatever the language's decimal sign; escaped like any text."""
    return json.dumps(value)


@register.filter
def is_near(usage: dict[str, Any]) -> bool:
    """Whether less than a tenth of a day's limit is left."""
    amounts = (usage["notes"], usage["audio_seconds"])
    return any(one["limit"] and one["remaining"] < one["limit"] / 10 for one in amounts)


@register.filter
def words(text: str) -> list[str]:
    """The words of a literal in a template, to go through."""
    return text.split()
