"""Every address of the site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path, re_path

from notes.api.routes import unknown_address

handler400 = "notes.error_views.bad_request"
handler403 = "notes.error_views.permission_denied"
handler404 = "notes.error_views.page_not_found"
handler500 = "notes.error_views.server_error"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("notes.urls")),
    path("", include("page.urls")),
    re_path("^api(?:/|$)", unknown_address),
]
