"""What all pages have in common: who may see them, and how they say that something went wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple, TypeVar, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from pydantic import BaseModel, ValidationError

from notes.api.throttle import limit_problem
from notes.auth import user_id
from notes.errors import Problem
from notes.limits import LimitReached, requests
from notes.texts import PROBLEMS, in_my_language

View = Callable[..., HttpResponseBase]
Model = TypeVar("Model", bound=BaseModel)

#: What an operation of the API raises instead of answering.
REFUSALS = (Problem, LimitReached, ValidationError)


class Trouble(NamedTuple):
    """A refusal as a page shows it: an HTTP status and a sentence."""

    status: int
    sentence: str
    headers: dict[str, str]


def trouble_of(refusal: Exception) -> Trouble:
    """One of :data:`REFUSALS` as a page shows it."""
    if isinstance(refusal, LimitReached):
        refusal = limit_problem(refusal.standing)
    elif isinstance(refusal, ValidationError):
        refusal = Problem("invalid_request")
    problem = cast(Problem, refusal)
    status, title = PROBLEMS[problem.code]
    return Trouble(status, in_my_language(title, **problem.values), problem.headers)


def signed_in(view: View) -> View:
    """A page of somebody's own: never kept by a cache, and counted as the API counts."""

    @never_cache
    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            standing = requests.count(user_id(request))
            if standing and standing.remaining < 0:
                raise LimitReached(standing)
            return view(request, *args, **kwargs)
        except REFUSALS as refusal:
            return show_trouble(request, trouble_of(refusal))

    return guarded


def show_trouble(request: HttpRequest, trouble: Trouble) -> HttpResponse:
    """A page that says only what went wrong."""
    context = {"sentence": trouble.sentence}
    response = render(request, "page/trouble.html", context, status=trouble.status)
    for name, value in trouble.headers.items():
        response[name] = value
    return response


def form_of(request: HttpRequest, schema: type[Model], *names: str) -> Model:
    """What a form says, as the API's ``schema`` takes it; fields that are left empty are left out.

    Raises:
      pydantic.ValidationError: the API would refuse it too.
    """
    return parsed(schema, {name: request.POST[name] for name in names if request.POST.get(name)})


def parsed(schema: type[Model], fields: dict[str, Any]) -> Model:
    """``fields`` as the API's ``schema`` takes them.

    Raises:
      pydantic.ValidationError: the API would refuse them too.
    """
    return schema.model_validate(fields)


def text_of(request: HttpRequest, name: str) -> str:
    """A text of a form with the line ends that were typed: forms send CR LF for each."""
    return request.POST.get(name, "").replace("\r\n", "\n")
