"""What makes the page an app: its manifest, its service worker, and its shell for offline."""

from __future__ import annotations

from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """From the root, since a service worker governs what lies below it; never from a cache."""
    path = finders.find("page/js/sw.js")
    if not path:
        raise Http404
    script = Path(path).read_bytes()
    response = HttpResponse(script, content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """The manifest, in the language of whoever asks."""
    response = render(
        request, "page/manifest.webmanifest", content_type="application/manifest+json"
    )
    response["Cache-Control"] = "no-cache"
    return response


@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """The shell that the service worker keeps: no word of anybody is in it."""
    return render(request, "page/offline.html")
