"""The admin: what operators may look at, and the few things they may do. All of it escaped.

People's words are for those with the permission ``notes.view_transcript``; the audio is for
nobody but its owner, and of a token there is nothing to see but its first letters.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django_dramatiq.models import Task

from notes.erasure import erase_user
from notes.models import ApiToken, Attempt, Box, Heartbeat, Note
from notes.models.note import NotRetryable

#: Columns that hold or quote what a person said.
WORDS = ("transcript", "filing_evidence")

admin.site.site_header = admin.site.site_title = "Baú Mental"
# It marks what messages hold as safe HTML; and our messages are not kept at all.
if admin.site.is_registered(Task):
    admin.site.unregister(Task)


class ReadOnly:
    """Nothing is added or changed by hand: rows change by what happens to them."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AttemptInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = Attempt
    fields = (
        *("stage", "outcome", "error_code", "started_at", "ended_at"),
        *("provider", "model", "audio_seconds"),
    )
    extra = 0

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Note)
class NoteAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = (
        *("id", "owner", "processing_status", "error_code", "attempts", "box", "filed_by"),
        *("created_at", "completed_at"),
    )
    list_filter = ("processing_status", "error_code", "filed_by", "source")
    list_select_related = ("owner", "box")
    date_hierarchy = "created_at"
    fields = (
        *("id", "owner", "source", "recorded_at", "created_at", "processing_status", "error_code"),
        *("attempts", "crashes", "next_attempt_at", "lease_expires_at"),
        *("audio_format", "audio_bytes", "duration_seconds", "language", "speech"),
        *("transcript", "transcribed_at", "box", "filed_by", "filing_reason", "filing_evidence"),
        *("filing_confidence", "completed_at"),
    )
    inlines = (AttemptInline,)
    actions = ("retry_failed",)

    def get_fields(self, request: HttpRequest, obj: Note | None = None) -> list[Any]:
        return [name for name in self.fields if _may_read(request) or name not in WORDS]

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        names = ("id", "owner__username")
        return (*names, "transcript") if _may_read(request) else names

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        # Else ?transcript__contains=... would answer what the page does not show.
        if lookup.startswith(WORDS) and not (request and _may_read(request)):
            return False
        return super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("notes.change_note")

    @admin.action(description="Retry failed notes", permissions=["retry"])
    def retry_failed(self, request: HttpRequest, notes: QuerySet[Note]) -> None:
        again = sum(_retry(note) for note in notes)
        rest = len(notes) - again
        text = f"Tried again: {again}." + (f" Not failed: {rest}." if rest else "")
        self.message_user(request, text, messages.SUCCESS if again else messages.WARNING)

    def delete_model(self, request: HttpRequest, obj: Note) -> None:
        obj.erase()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Note]) -> None:
        for note in queryset:
            note.erase()


@admin.register(Box)
class BoxAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "owner", "created_at")
    list_select_related = ("owner",)
    search_fields = ("id", "name", "owner__username")
    fields = ("id", "owner", "name", "description", "keywords", "color", "created_at")

    def delete_model(self, request: HttpRequest, obj: Box) -> None:
        obj.delete_and_free_notes()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Box]) -> None:
        for box in queryset:
            box.delete_and_free_notes()


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = fields = (
        *("prefix", "name", "user", "scope", "created_at", "last_used_at", "expires_at"),
        *("revoked_at", "valid"),
    )
    list_select_related = ("user",)
    search_fields = ("prefix", "name", "user__username")
    actions = ("revoke",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        tokens: QuerySet[ApiToken] = super().get_queryset(request)
        return tokens.annotate(clock=Now())

    @admin.display(boolean=True, description="valid")
    def valid(self, token: ApiToken) -> bool:
        return token.is_valid

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        # Else ?digest__startswith=... would tell it letter by letter.
        if lookup.startswith(("digest", "password_mark")):
            return False
        return super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("notes.change_apitoken")

    @admin.action(description="Revoke tokens", permissions=["revoke"])
    def revoke(self, request: HttpRequest, tokens: QuerySet[ApiToken]) -> None:
        for token in tokens:
            token.revoke()
        self.message_user(request, f"Revoked: {len(tokens)}.", messages.SUCCESS)


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("worker", "started_at", "seen_at")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


admin.site.unregister(User)


@admin.register(User)
class OwnerAdmin(UserAdmin):  # type: ignore[type-arg]
    """Django's own, but with a user goes their audio."""

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        erase_user(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            self.delete_model(request, user)


def _may_read(request: HttpRequest) -> bool:
    return request.user.has_perm("notes.view_transcript")


def _retry(note: Note) -> bool:
    try:
        note.retry()
    except NotRetryable:
        return False
    return True
