"""How the API says that something went wrong: a stable code, in a problem document."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse

from notes.texts import PROBLEMS, in_my_language
from project.logs import request_id


class Problem(Exception):
    """An answer other than success; ``code`` is one of :data:`PROBLEMS`.

    ``members`` are what this kind of problem has beside those that all have.
    """

    def __init__(
        self,
        code: str,
        *,
        headers: dict[str, str] | None = None,
        members: dict[str, Any] | None = None,
        **values: Any,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.headers = headers or {}
        self.members = members or {}
        self.values = values


def problem_response(
    request: HttpRequest, problem: Problem, errors: list[dict[str, Any]] | None = None
) -> JsonResponse:
    """``problem`` as ``application/problem+json`` (RFC 9457)."""
    status, title = PROBLEMS[problem.code]
    body: dict[str, Any] = {
        "type": f"urn:bau-mental:problem:{problem.code}",
        "title": in_my_language(title, **problem.values),
        "status": status,
        "code": problem.code,
        "instance": request.path,
        "request_id": request_id.get(),
        **problem.members,
    }
    if errors:
        body["errors"] = errors
    response = JsonResponse(body, status=status, content_type="application/problem+json")
    response["Cache-Control"] = "no-store"
    for name, value in problem.headers.items():
        response[name] = value
    return response
