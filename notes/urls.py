"""The product's addresses."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from notes import api
from notes.health import readyz


def metrics(request: HttpRequest) -> HttpResponse:
    """As :func:`notes.metrics.metrics`, whose library is loaded by the first who asks."""
    from notes.metrics import metrics

    return metrics(request)


urlpatterns = [
    path("readyz", readyz),
    path("metrics", metrics),
    path("api/v1/", api.urls()),
]
