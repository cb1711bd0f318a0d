"""``/api/v1/tokens``: for the signed-in session alone."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Field, Router, Schema, Status
from pydantic import AfterValidator, StringConstraints

from notes.api.schemas import ProblemOut, StrictSchema, Text
from notes.auth import SESSION_ONLY, user_id
from notes.errors import Problem
from notes.models import ApiToken, Scope

router = Router(tags=["tokens"], auth=SESSION_ONLY)

ERRORS = {frozenset({400, 401, 403, 404, 409, 413, 422, 429}): ProblemOut}
#: Nobody has more devices; and a list should have an end.
MAX_VALID = 50
SHOWN = 200

ScopeName = Annotated[Literal["notes:write", "notes:read", "full"], AfterValidator(Scope)]


class TokenIn(StrictSchema):
    """A new token; without ``expires_in_days`` it is valid until it is revoked."""

    name: Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
    scope: ScopeName
    expires_in_days: int | None = Field(None, ge=1, le=36_500)


class TokenOut(Schema):
    """A token, without what opens anything; ``prefix`` are its first letters."""

    id: uuid.UUID = Field(..., validation_alias="public_id")
    name: str
    prefix: str
    scope: ScopeName
    valid: bool = Field(..., validation_alias="is_valid")
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


class NewToken(TokenOut):
    """A token just made. ``token`` is the secret, shown this once."""

    token: str


@router.get("", response={200: list[TokenOut], **ERRORS}, summary="Your tokens, newest first")
def list_tokens(request: HttpRequest) -> Any:
    return ApiToken.of(user_id(request))[:SHOWN]


@router.post("", response={201: NewToken, **ERRORS}, summary="Make a token")
def create_token(request: HttpRequest, data: TokenIn, response: HttpResponse) -> Any:
    owner_id = user_id(request)
    if sum(token.is_valid for token in ApiToken.of(owner_id)) >= MAX_VALID:
        raise Problem("too_many_tokens")
    days = data.expires_in_days
    issued, secret = ApiToken.issue(
        owner_id,
        name=data.name,
        scope=Scope(data.scope),
        lifetime=timedelta(days=days) if days else None,
    )
    token = ApiToken.of(owner_id).get(pk=issued.pk)
    vars(token)["token"] = secret
    response["Cache-Control"] = "no-store"
    return Status(201, token)


@router.delete("/{uuid:token_id}", response={204: None, **ERRORS}, summary="Revoke a token")
def revoke_token(request: HttpRequest, token_id: uuid.UUID) -> Any:
    token = ApiToken.of(user_id(request)).filter(public_id=token_id).first()
    if token is None:
        raise Problem("not_found")
    token.revoke()
    return Status(204, None)
