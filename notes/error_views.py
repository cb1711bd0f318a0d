"""What Django itself refuses: a problem below ``/api``, a page for people, else one sentence."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from notes.errors import Problem, problem_response
from notes.texts import PROBLEMS, in_my_language


def error_response(request: HttpRequest, problem: Problem) -> HttpResponse:
    """``problem`` in the form that whoever asked can read."""
    if _is_api(request):
        return problem_response(request, problem)
    status, title = PROBLEMS[problem.code]
    sentence = in_my_language(title, **problem.values)
    if wants_page(request):
        with suppress(Exception):  # with nothing to show it with, it is still told
            return _page(request, status, sentence, problem.headers)
    return HttpResponse(
        f"{sentence}\n",
        status=status,
        headers=problem.headers,
        content_type="text/plain; charset=utf-8",
    )


def wants_page(request: HttpRequest) -> bool:
    """Whether a browser asks on behalf of a person; one that takes anything does not say so."""
    return not _is_api(request) and "text/html" in request.headers.get("Accept", "")


def _is_api(request: HttpRequest) -> bool:
    return request.path == "/api" or request.path.startswith("/api/")


def _page(
    request: HttpRequest, status: int, sentence: str, headers: dict[str, str]
) -> HttpResponse:
    # Nothing that may be broken just now is asked: no session, no database, only a cookie.
    body = render_to_string("page/trouble.html", {"sentence": sentence, "asked_by": request})
    return HttpResponse(body, status=status, headers=headers)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 or 413: a Host that is not ours, a body that cannot be read or is too much."""
    if isinstance(exception, RequestDataTooBig):
        return error_response(request, Problem("body_too_large"))
    if isinstance(exception, TooManyFilesSent):
        return error_response(request, Problem("one_file_only"))
    return error_response(request, Problem("bad_request"))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    return error_response(request, Problem("forbidden"))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: a form without the token that shows it comes from our own page."""
    return error_response(request, Problem("csrf_failed"))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    return error_response(request, Problem("not_found"))


def server_error(request: HttpRequest, *args: Any) -> HttpResponse:
    """500."""
    return error_response(request, Problem("internal_error"))
