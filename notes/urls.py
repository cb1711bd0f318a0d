"""The product's addresses."""

from __future__ import annotations

from django.urls import path

from notes import api
from notes.health import readyz

urlpatterns = [
    path("readyz", readyz),
    path("api/v1/", api.urls()),
]
