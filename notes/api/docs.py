"""The page at ``/api/v1/docs``: Swagger UI, with nothing inline and nothing from elsewhere.

The copy inside django-ninja carries a DOMPurify with known holes (its issue 1769), so ninja is not
among INSTALLED_APPS and its files are not served.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase


class DocsPage(DocsBase):
    """Lets a signed-in person try the API with their own notes."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        """The page; what it needs to know stands in its markup."""
        settings = {"url": self.get_openapi_url(api, kwargs)}
        return render(request, "notes/docs.html", {"settings": settings, "title": api.title})


def for_people(view: Any) -> Any:
    """The docs page is for signed-in people, the document for everybody."""
    people_only = login_required(view)

    def choose(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        chosen = people_only if request.path.endswith("/docs") else view
        response: HttpResponseBase = chosen(request, *args, **kwargs)
        return response

    return choose
