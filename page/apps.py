"""The app."""

from __future__ import annotations

from django.apps import AppConfig


class PageConfig(AppConfig):
    name = "page"
    default_auto_field = "django.db.models.BigAutoField"
