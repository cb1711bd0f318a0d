"""The REST API: parses, calls one method, picks a schema. The contract is docs/api.md."""

from __future__ import annotations

import logging
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
from django.urls import URLPattern, URLResolver
from ninja.errors import (
    AuthenticationError,
    AuthorizationError,
    HttpError,
    Throttled,
    ValidationError,
)

from notes.api import boxes, export, notes, tokens, usage, webhooks
from notes.api.contract import ContractApi
from notes.api.docs import DocsPage, for_people
from notes.api.routes import routes_of
from notes.api.throttle import RequestsPerMinute, limit_problem, standing_of
from notes.auth import AUTH
from notes.errors import Problem, problem_response
from notes.limits import LimitReached

log = logging.getLogger(__name__)

api = ContractApi(
    title="Baú Mental",
    version="1",
    description="A person talks, and the note files itself.",
    auth=AUTH,
    docs=DocsPage(),
    docs_decorator=for_people,
    throttle=[RequestsPerMinute()],
    urls_namespace="api-v1",
)
api.add_router("/notes", notes.router)
api.add_router("/boxes", boxes.router)
api.add_router("/tokens", tokens.router)
api.add_router("/usage", usage.router)
api.add_router("/webhooks", webhooks.router)
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


@api.exception_handler(Throttled)
def on_throttled(request: HttpRequest, error: Throttled) -> HttpResponse:
    return problem_response(request, limit_problem(standing_of(request)))


@api.exception_handler(LimitReached)
def on_limit_reached(request: HttpRequest, error: LimitReached) -> HttpResponse:
    return problem_response(request, limit_problem(error.standing))


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
    """The API's addresses, as :func:`django.urls.path` takes them."""
    return routes_of(api)
