"""The REST API: parses, calls one method, picks a schema. The contract is docs/api.md."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import (
    BadRequest,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFilesSent,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.urls import URLPattern, URLResolver, re_path
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, AuthorizationError, HttpError, ValidationError

from notes.api import boxes, export, notes
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
api.add_router("/notes", notes.router)
api.add_router("/boxes", boxes.router)
api.add_router("/notes", export.note_router)
api.add_router("/export", export.router)

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


@api.exception_handler(BadRequest)
@api.exception_handler(MultiPartParserError)
@api.exception_handler(SuspiciousOperation)
@api.exception_handler(UnreadablePostError)
def on_unreadable(request: HttpRequest, error: Exception) -> HttpResponse:
    return problem_response(request, Problem("bad_request"))


@api.exception_handler(TooManyFilesSent)
def on_two_files(request: HttpRequest, error: TooManyFilesSent) -> HttpResponse:
    return problem_response(request, Problem("one_file_only"))


@api.exception_handler(RequestDataTooBig)
def on_too_big(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    return problem_response(request, Problem("body_too_large"))


@api.exception_handler(InterfaceError)
@api.exception_handler(OperationalError)
def on_database_down(request: HttpRequest, error: Exception) -> HttpResponse:
    log.error("%s %s: the database failed: %s", request.method, request.path, type(error).__name__)
    log.debug("the database failed", exc_info=True)
    return problem_response(request, Problem("database_unavailable", headers={"Retry-After": "5"}))


@api.exception_handler(Exception)
def on_unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
    # Its message may hold what a person said, so only its class is told.
    log.error("%s %s: unexpected %s", request.method, request.path, type(error).__name__)
    log.debug("unexpected error", exc_info=True)
    return problem_response(request, Problem("internal_error"))


def urls() -> tuple[list[URLPattern | URLResolver], str, str]:
    """The API's addresses; what ninja and Django answer in plain text or HTML is a problem too."""
    patterns, app_name, namespace = api.urls
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            pattern.callback = _with_problems(pattern.callback)
    return [*patterns, re_path("", _unknown_address)], app_name, namespace


def _with_problems(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except Http404:  # ninja's own page at the root
            return problem_response(request, Problem("not_found"))
        if response.status_code != 405:
            return response
        headers = {"Allow": response["Allow"]}
        return problem_response(request, Problem("method_not_allowed", headers=headers))

    return answer


@csrf_exempt
def _unknown_address(request: HttpRequest) -> HttpResponse:
    return problem_response(request, Problem("not_found"))
