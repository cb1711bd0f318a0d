"""Rows of any model for a user, and all rows that a user has: so that no model is forgotten."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from django.apps import apps
from django.contrib.auth.models import User
from django.db import models

from notes.models import ApiToken


def owner_path(model: type[models.Model]) -> str | None:
    """How to get from a row to its owner, as a lookup (``note__owner``); None if it has none."""
    for field in model._meta.get_fields():
        if isinstance(field, models.ForeignKey) and field.related_model is User:
            return field.name
    for field in model._meta.get_fields():
        target: Any = field.related_model
        foreign = isinstance(field, models.ForeignKey) and target is not model
        if foreign and (rest := owner_path(target)):
            return f"{field.name}__{rest}"
    return None


def owned_models() -> list[type[models.Model]]:
    """Every model of the product whose rows belong to somebody."""
    return [model for model in apps.get_app_config("notes").get_models() if owner_path(model)]


def rows_of(user: User) -> dict[str, list[Any]]:
    """All that the database has of ``user``, but for when a token was last used."""
    found = {}
    for model in owned_models():
        columns = [f.attname for f in model._meta.concrete_fields if f.name != "last_used_at"]
        rows = model._base_manager.filter(**{str(owner_path(model)): user}).order_by("pk")
        found[model.__name__] = list(rows.values(*columns))
    return found


def make_row(model: type[models.Model], owner: User) -> models.Model:
    """A row of ``owner`` with something in every field that has to be given."""
    if model is ApiToken:
        return ApiToken.issue(owner.pk, name="deles")[0]
    columns = {
        field.name: _something(field, owner)
        for field in model._meta.concrete_fields
        if field.related_model is User
        or not (field.null or field.blank or field.primary_key or _fills_itself(field))
    }
    return model._base_manager.create(**columns)


def id_of(row: models.Model) -> str:
    """What the API calls ``row``."""
    named = ("public_id", "message_id", "pk")
    return str(next(getattr(row, name) for name in named if hasattr(row, name)))


def _fills_itself(field: models.Field[Any, Any]) -> bool:
    automatic = getattr(field, "auto_now_add", False) or getattr(field, "auto_now", False)
    has_default = field.has_default() or field.has_db_default()
    return bool(automatic or has_default or field.generated)


def _something(field: models.Field[Any, Any], owner: User) -> Any:
    if isinstance(field, models.ForeignKey):
        target: Any = field.related_model
        if target is User:
            return owner
        path = owner_path(target)
        found = target._base_manager.filter(**{path: owner}).first() if path else None
        return found or make_row(target, owner)
    if field.choices:
        return field.flatchoices[0][0]
    if isinstance(field, models.URLField):
        return "https://hooks.example.com/x"
    if isinstance(field, (models.CharField, models.TextField)):
        return f"jabuticaba-{owner.pk}"[: field.max_length or 50]
    if isinstance(field, models.DateTimeField):
        return "2026-11-22T00:00:00Z"
    if isinstance(field, models.DateField):
        return date(2026, 11, 22)
    if isinstance(field, models.UUIDField):
        return uuid.uuid4()
    if isinstance(field, models.BinaryField):
        return b"jabuticaba"
    return {} if isinstance(field, models.JSONField) else 1


def model_named(field: str) -> type[models.Model]:
    """The model that the id ``field`` of the contract is of: ``token_id`` is an ApiToken's.

    Raises:
      LookupError: none has such a name; then say here which it is.
    """
    word = field.removesuffix("_id").replace("_", "")
    found = [m for m in owned_models() if m.__name__.lower().endswith(word)]
    if len(found) > 1:
        found = [m for m in found if m.__name__.lower() == word]
    if len(found) != 1:
        raise LookupError(f"which model is {field} an id of? Tell tests/rows.py.")
    return found[0]
