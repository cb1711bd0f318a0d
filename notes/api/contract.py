"""What all operations have in common: how they are asked, and what the document says of them.

Operations name only what is theirs; what any of them may answer (401, 406, 503 ...) is added here,
so that an operation added later cannot forget it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, cast

from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.operation import Operation
from ninja.responses import NinjaJSONEncoder

from notes.api.schemas import ProblemOut
from notes.errors import Problem

PROBLEM_MEDIA_TYPE = "application/problem+json"
#: Any operation may answer so.
ALWAYS = (400, 401, 403, 406, 413, 429, 500, 503)
METHODS = ("get", "post", "put", "patch", "delete")

_RETRY = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
#: Headers that explain a problem, by status.
_HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"description": "How to sign in.", "schema": {"type": "string"}}},
    429: _RETRY,
    503: _RETRY,
}


class ContractApi(NinjaAPI):
    """ninja's API with a document that tells every answer, problems included."""

    def get_openapi_schema(self, **options: Any) -> Any:
        """The OpenAPI 3.1 document, as plain JSON types."""
        return complete(super().get_openapi_schema(**options))

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """The function's own name: generated clients call their methods so."""
        return str(operation.view_func.__name__)


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """``document`` with all problems that each operation may answer; it is changed in place."""
    components = document["components"]
    components["schemas"]["ProblemOut"] = ProblemOut.model_json_schema()
    statuses: set[int] = set()
    for path, method, operation in operations(document):
        own = {int(status): answer for status, answer in operation["responses"].items()}
        problems = {status for status, answer in own.items() if status >= 400}
        problems |= {*ALWAYS, *_also(path, method, operation)}
        own |= {status: {"$ref": f"#/components/responses/{_name(status)}"} for status in problems}
        operation["responses"] = {str(status): own[status] for status in sorted(own)}
        for given in _given_as_text(operation):
            _drop_null(given)
        statuses |= problems
    components["responses"] = {_name(status): _problem(status) for status in sorted(statuses)}
    return document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method in small letters, and operation object of everything in ``document``."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def _also(path: str, method: str, operation: dict[str, Any]) -> Iterator[int]:
    if "{" in path:
        yield 404
    if operation["parameters"] or "requestBody" in operation:
        yield 422
    if "requestBody" in operation:
        yield 415
    if any(parameter["name"] == "If-Match" for parameter in operation["parameters"]):
        yield 412


def _given_as_text(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schemas of what is sent as text, in the address, a header or a form."""
    for parameter in operation["parameters"]:
        yield parameter["schema"]
    content = operation.get("requestBody", {}).get("content", {})
    form = content.get("multipart/form-data", {}).get("schema", {})
    yield from form.get("properties", {}).values()


def _drop_null(schema: dict[str, Any]) -> None:
    """Say that it may be left out, not that it may be null: text has no null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        del schema["anyOf"]
        schema |= kinds[0]


def _name(status: int) -> str:
    return f"Problem{status}"


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/ProblemOut"}
    return {
        "description": HTTPStatus(status).phrase,
        "content": {PROBLEM_MEDIA_TYPE: {"schema": schema}},
        **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
    }


class MediaTypes:
    """What each operation takes and gives, as its document says."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.methods: dict[str, list[str]] = {}
        self._takes: dict[tuple[str, str], frozenset[str]] = {}
        self._gives: dict[tuple[str, str], frozenset[str]] = {}
        for path, method, operation in operations(document):
            key = (path, method.upper())
            self.methods.setdefault(path, []).append(method.upper())
            content = operation.get("requestBody", {}).get("content", {})
            answers = [
                answer for status, answer in operation["responses"].items() if status[0] == "2"
            ]
            self._takes[key] = frozenset(content)
            self._gives[key] = frozenset(kind for one in answers for kind in one.get("content", ()))

    def check(self, request: HttpRequest, path: str) -> None:
        """Refuse what an operation does not take, or could not give.

        ``path`` is written as in the document. An operation without a documented type gives what
        it has, whatever is asked.

        Raises:
          Problem: ``unsupported_media_type`` (415) or ``not_acceptable`` (406).
        """
        key = (path, cast(str, request.method))
        has_body = request.META.get("CONTENT_LENGTH") not in (None, "", "0")
        takes = self._takes.get(key) if has_body else None
        if takes and (request.content_type or "").lower() not in takes:
            raise Problem("unsupported_media_type", expected=" / ".join(sorted(takes)))
        if request.META.get("HTTP_ACCEPT", "*/*") == "*/*":
            return  # as most say, and Django takes as long to read it as any other
        gives = self._gives.get(key)
        if gives and not any(request.accepts(kind) for kind in gives):
            raise Problem("not_acceptable")


def as_json(document: dict[str, Any]) -> str:
    """``document`` as it is committed: stable, and readable in a diff."""
    return json.dumps(document, cls=NinjaJSONEncoder, indent=1, ensure_ascii=False) + "\n"
