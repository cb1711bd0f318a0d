"""The API's addresses. What ninja and Django would answer in plain text or HTML is a problem."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, re_path
from django.views.decorators.csrf import csrf_exempt

from notes.api.contract import ContractApi, MediaTypes
from notes.api.throttle import add_fields
from notes.errors import Problem, problem_response

PREFIX = "/api/v1/"
View = Callable[..., HttpResponseBase]


def routes_of(api: ContractApi) -> tuple[list[URLPattern | URLResolver], str, str]:
    """Every address below PREFIX, known or not, as :func:`django.urls.path` takes them."""
    found, app_name, namespace = api.urls
    patterns = [pattern for pattern in found if isinstance(pattern, URLPattern)]
    media_types = MediaTypes(api.get_openapi_schema(path_prefix=PREFIX))
    for pattern in patterns:
        if pattern.name == "api-root":
            pattern.callback = unknown_address
            continue
        path = PREFIX + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(pattern.pattern))
        pattern.callback = _in_contract(pattern.callback, path, media_types)
    return [*patterns, re_path("", unknown_address)], app_name, namespace


def _in_contract(view: View, path: str, media_types: MediaTypes) -> View:
    methods = media_types.methods.get(path, ["GET"])
    allowed = sorted({*methods, "OPTIONS", *(["HEAD"] if "GET" in methods else [])})

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "OPTIONS":
            return HttpResponse(status=204, headers={"Allow": ", ".join(allowed)})
        if request.method not in allowed:
            headers = {"Allow": ", ".join(allowed)}
            return problem_response(request, Problem("method_not_allowed", headers=headers))
        if is_head := request.method == "HEAD":
            request.method = "GET"
        response = _asked(view, request, path, media_types, *args, **kwargs)
        add_fields(request, response)
        # People's words are nothing for a cache; who means otherwise has said so.
        response.headers.setdefault("Cache-Control", "no-store")
        return _without_body(response) if is_head else response

    return answer


def _asked(
    view: View, request: HttpRequest, path: str, media_types: MediaTypes, *args: Any, **kwargs: Any
) -> HttpResponseBase:
    try:
        media_types.check(request, path)
        return view(request, *args, **kwargs)
    except Problem as problem:
        return problem_response(request, problem)


def _without_body(response: HttpResponseBase) -> HttpResponse:
    """What GET would answer, down to its length, but for the body."""
    headers = dict(response.items())
    if isinstance(response, HttpResponse):
        headers.setdefault("Content-Length", str(len(response.content)))
    response.close()
    bare = HttpResponse(status=response.status_code, headers=headers)
    bare.cookies = response.cookies
    return bare


@csrf_exempt
def unknown_address(request: HttpRequest) -> HttpResponse:
    """404, whatever is asked."""
    return problem_response(request, Problem("not_found"))
