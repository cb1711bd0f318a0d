"""``/api/v1/boxes``."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from notes.api.schemas import BoxIn, BoxOut, BoxPatch, ProblemOut
from notes.auth import needs, user_id
from notes.errors import Problem
from notes.models import Box, Scope

router = Router(tags=["boxes"])

ERRORS = {frozenset({400, 401, 403, 404, 409, 413, 422, 429}): ProblemOut}


@router.get(
    "",
    response={200: list[BoxOut], **ERRORS},
    summary="All your boxes, by name",
    **needs(Scope.READ),
)
def list_boxes(request: HttpRequest) -> Any:
    return Box.objects.for_user(user_id(request))


@router.post("", response={201: BoxOut, **ERRORS}, summary="Make a box")
def create_box(request: HttpRequest, data: BoxIn, response: HttpResponse) -> Any:
    try:
        with transaction.atomic():
            box = Box.objects.create(owner_id=user_id(request), **data.dict())
    except IntegrityError as fault:
        raise Problem("box_exists") from fault
    response["Location"] = f"/api/v1/boxes/{box.pk}"
    return Status(201, box)


@router.get(
    "/{uuid:box_id}",
    response={200: BoxOut, **ERRORS},
    summary="One box",
    **needs(Scope.READ),
)
def get_box(request: HttpRequest, box_id: uuid.UUID) -> Any:
    return find_box(request, box_id)


@router.patch("/{uuid:box_id}", response={200: BoxOut, **ERRORS}, summary="Change a box")
def change_box(request: HttpRequest, box_id: uuid.UUID, data: BoxPatch) -> Any:
    box = find_box(request, box_id)
    changes = {name: v for name, v in data.dict(exclude_unset=True).items() if v is not None}
    for name, value in changes.items():
        setattr(box, name, value)
    try:
        with transaction.atomic():
            box.save(update_fields=changes)
    except IntegrityError as fault:
        raise Problem("box_exists") from fault
    return box


@router.delete(
    "/{uuid:box_id}", response={204: None, **ERRORS}, summary="Delete a box; its notes are kept"
)
def delete_box(request: HttpRequest, box_id: uuid.UUID) -> Any:
    find_box(request, box_id).delete_and_free_notes()
    return Status(204, None)


def find_box(request: HttpRequest, box_id: uuid.UUID) -> Box:
    """The user's own box.

    Raises:
      Problem: ``not_found``, for a box of somebody else as for none.
    """
    box = Box.objects.for_user(user_id(request)).filter(pk=box_id).first()
    if box is None:
        raise Problem("not_found")
    return box
