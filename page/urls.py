"""The page's addresses."""

from __future__ import annotations

from django.urls import path

from page.views import account, boxes, home, note, password, pwa, settings, webhooks

app_name = "page"

urlpatterns = [
    path("", home.home, name="home"),
    path("upload", home.upload, name="upload"),
    path("share", home.share, name="share"),
    path("notes/<uuid:note_id>", note.note, name="note"),
    path("notes/<uuid:note_id>/move", note.move, name="move"),
    path("notes/<uuid:note_id>/retry", note.retry, name="retry"),
    path("notes/<uuid:note_id>/delete", note.delete, name="delete"),
    path("boxes", boxes.boxes, name="boxes"),
    path("boxes/first", boxes.first, name="first-boxes"),
    path("boxes/<uuid:box_id>", boxes.box, name="box"),
    path("boxes/<uuid:box_id>/delete", boxes.delete, name="box-delete"),
    path("settings", settings.overview, name="settings"),
    path("settings/appearance", settings.appearance, name="appearance"),
    path("settings/tokens", settings.make_token, name="tokens"),
    path("settings/tokens/<uuid:token_id>/revoke", settings.revoke_token, name="token-revoke"),
    path("settings/webhooks", webhooks.make, name="webhooks"),
    path("settings/webhooks/<uuid:webhook_id>", webhooks.change, name="webhook"),
    path("settings/password", password.Change.as_view(), name="password"),
    path("settings/delete", settings.delete_account, name="delete-account"),
    path("login", account.Login.as_view(), name="login"),
    path("logout", account.logout, name="logout"),
    path("join/<str:token>", account.join, name="join"),
    path("password/forgotten", password.forgotten, name="password-forgotten"),
    path("password/sent", password.sent, name="password-sent"),
    path("password/new/<uidb64>/<token>", password.Reset.as_view(), name="password-new"),
    path("offline", pwa.offline, name="offline"),
    path("sw.js", pwa.service_worker, name="service-worker"),
    path("manifest.webmanifest", pwa.manifest, name="manifest"),
]
