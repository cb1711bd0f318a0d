"""The admin: who was invited. Links are made by ``manage.py invite``, which shows them once."""

from __future__ import annotations

from django.contrib import admin

from notes.admin import ReadOnly
from page.models import Invitation


@admin.register(Invitation)
class InvitationAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = fields = ("name", "created_at", "expires_at", "used_at", "used_by")
    list_select_related = ("used_by",)
