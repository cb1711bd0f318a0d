"""The REST API: parses, calls one method, picks a schema. The contract is docs/api.md."""

from __future__ import annotations

import logging
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, AuthorizationError, HttpError, ValidationError

from notes.api.boxes import router as boxes
from notes.api.notes import router as notes
from notes.auth import AUTH
from notes.errors import Problem, problem_response

log = logging.getLogger(__name__)

api = NinjaAPI(
    title="Baú Mental",
    version="1",
    description="A person talks, and the note files itself.",
    auth=AUTH,
    urls_namespace="api-v1",
)
api.add_router("/notes", notes)
api.add_router("/boxes", boxes)

CODE_OF_STATUS = {400: "bad_request", 403: "forbidden", 404: "not_found"}


@api.exception_handler(Problem)
def on_problem(request: HttpRequest, problem: Problem) -> HttpResponse:
    return problem_response(request, problem)


@api.exception_handler(AuthenticationError)
def on_unauthenticated(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    headers = {"WWW-Authenticate": 'Bearer realm="api"'}
    return problem_response(request, Problem("unauthenticated", headers=headers))


@api.exception_handler(AuthorizationError)
def on_forbidden(request: HttpRequest, error: AuthorizationError) -> HttpResponse:
    return problem_response(request, Problem("forbidden"))


@api.exception_handler(ValidationError)
def on_invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    # pydantic's "input" and "ctx" repeat what was sent: text of a person, or bytes.
    errors: list[dict[str, Any]] = [
        {"loc": [str(part) for part in fault["loc"]], "message": fault["msg"]}
        for fault in error.errors
    ]
    return problem_response(request, Problem("invalid_request"), errors)


@api.exception_handler(Http404)
def on_not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return problem_response(request, Problem("not_found"))


@api.exception_handler(HttpError)
def on_http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    code = CODE_OF_STATUS.get(error.status_code, "bad_request")
    return problem_response(request, Problem(code))


@api.exception_handler(Exception)
def on_unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
    # Its message may hold what a person said, so only its class is told.
    log.error("%s %s: unexpected %s", request.method, request.path, type(error).__name__)
    log.debug("unexpected error", exc_info=True)
    return problem_response(request, Problem("internal_error"))
