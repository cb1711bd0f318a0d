"""``/api/v1/boxes``."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from notes.api.conditional import IfMatch, check_match, unless_known
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
    response={200: BoxOut, 304: None, **ERRORS},
    summary="One box",
    **needs(Scope.READ),
)
def get_box(request: HttpRequest, response: HttpResponse, box_id: uuid.UUID) -> Any:
    return unless_known(request, response, _as_shown(find_box(request, box_id)))


@router.patch("/{uuid:box_id}", response={200: BoxOut, **ERRORS}, summary="Change a box")
def change_box(
    request: HttpRequest, box_id: uuid.UUID, data: BoxPatch, if_match: IfMatch = None
) -> Any:
    changes = {name: v for name, v in data.dict(exclude_unset=True).items() if v is not None}
    try:
        with transaction.atomic():
            box = find_box(request, box_id, lock=True)
            check_match(if_match, lambda: _as_shown(box))
            for name, value in changes.items():
                setattr(box, name, value)
            box.save(update_fields=changes)
    except IntegrityError as fault:
        raise Problem("box_exists") from fault
    return box


@router.delete(
    "/{uuid:box_id}", response={204: None, **ERRORS}, summary="Delete a box; its notes are kept"
)
def delete_box(request: HttpRequest, box_id: uuid.UUID, if_match: IfMatch = None) -> Any:
    with transaction.atomic():
        box = find_box(request, box_id, lock=True)
        check_match(if_match, lambda: _as_shown(box))
        box.delete_and_free_notes()
    return Status(204, None)


def find_box(request: HttpRequest, box_id: uuid.UUID, *, lock: bool = False) -> Box:
    """The user's own box; with ``lock`` nobody else changes it in this transaction.

    Raises:
      Problem: ``not_found``, for a box of somebody else as for none.
    """
    boxes = Box.objects.for_user(user_id(request))
    box = (boxes.select_for_update() if lock else boxes).filter(pk=box_id).first()
    if box is None:
        raise Problem("not_found")
    return box


def _as_shown(box: Box) -> BoxOut:
    return BoxOut.model_validate(box)
