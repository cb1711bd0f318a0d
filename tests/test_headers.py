"""What every answer says to browsers, and what the log says of every request."""

from __future__ import annotations

import logging
import re
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory

from notes.client_address import UNKNOWN, client_address, limit_key, truncated
from project.csp import build_policy, strict_policy
from project.logs import QUIET, logging_config
from project.storages import bucket_origins
from tests.services.run import REPOSITORY
from tests.test_settings import check

pytestmark = [pytest.mark.database, pytest.mark.django_db]

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; media-src 'self' blob:; manifest-src 'self'; "
    "worker-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
EVERYWHERE = {
    "Content-Security-Policy": CSP,
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/notes", 200),
        ("/api/v1/notes/7", 404),
        ("/api/v1/docs", 200),
        ("/api/v1/openapi.json", 200),
        ("/admin/", 200),
        ("/admin/login/", 302),
        ("/admin/notes/note/", 200),
        ("/nowhere", 404),
        ("/readyz", 200),
        ("/", 200),
        ("/boxes", 200),
        ("/settings", 200),
        ("/login", 302),
        ("/offline", 200),
        ("/sw.js", 200),
        ("/manifest.webmanifest", 200),
    ],
)
def test_every_answer_has_the_headers(client: Client, path: str, status: int) -> None:
    client.force_login(User.objects.create_superuser("root"))
    response = client.get(path)
    assert response.status_code == status
    assert {name: response.headers.get(name) for name in EVERYWHERE} == EVERYWHERE
    assert response.headers["X-Request-ID"]
    assert not path.startswith("/api") or response.headers["Cache-Control"] == "no-store"


def test_a_refused_host_and_a_static_file_have_the_policy_too(client: Client) -> None:
    refused = client.get("/admin/", headers={"Host": "evil.example"})
    static = client.get("/static/notes/docs.js")
    static.close()
    for response in (refused, static):
        assert response.headers["Content-Security-Policy"] == CSP


def test_audio_may_come_from_the_bucket_and_nowhere_else() -> None:
    policy = build_policy(strict_policy(bucket_origins("b", "https://x.r2.example/y", "auto")))
    assert "media-src 'self' blob: https://x.r2.example;" in policy
    assert bucket_origins("b", "", "sa-east-1") == [
        "https://b.s3.amazonaws.com",
        "https://b.s3.sa-east-1.amazonaws.com",
        "https://s3.sa-east-1.amazonaws.com",
    ]


def test_templates_of_ours_hold_nothing_inline() -> None:
    files = [file for app in ("notes", "page") for file in (REPOSITORY / app).rglob("*.html")]
    assert len(files) > 20
    for file in files:
        text = file.read_text()
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|https?://|\|safe", text), (
            file
        )
        scripts = re.findall(r"<script(?![^>]* src=)", text)
        assert scripts == [], file


def test_scripts_of_ours_never_make_html_of_text() -> None:
    files = list((REPOSITORY / "page" / "static" / "page" / "js").glob("*.js"))
    assert files
    for file in files:
        found = re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\("
            r"|new Function|\.cssText|setAttribute\(\s*[\"'](?:style|on)|javascript:|https?://",
            file.read_text(),
        )
        assert found == [], file


# --- Behind a proxy ------------------------------------------------------------------------------


@pytest.fixture
def https(settings: Any) -> Any:
    settings.BEHIND_HTTPS_PROXY = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_REDIRECT_EXEMPT = ["^readyz$"]
    settings.SECURE_HSTS_SECONDS = 3600
    return settings


def test_https_is_insisted_on(https: Any) -> None:
    secure = Client(headers={"X-Forwarded-Proto": "https"}).get("/api/v1/openapi.json")
    assert secure.headers["Strict-Transport-Security"] == "max-age=3600"
    plain = Client().get("/api/v1/openapi.json")
    assert (plain.status_code, plain.headers["Location"]) == (
        301,
        "https://testserver/api/v1/openapi.json",
    )
    for path in ("/healthz", "/readyz"):
        assert Client().get(path).status_code == 200


def test_nobody_says_https_but_a_proxy() -> None:
    request = RequestFactory(headers={"X-Forwarded-Proto": "https"}).get("/")
    assert not request.is_secure()


@pytest.mark.parametrize(
    ("proxied", "peer", "forwarded", "expected"),
    [
        (False, "203.0.113.7", None, "203.0.113.7"),
        (False, "203.0.113.7", "198.51.100.1", "203.0.113.7"),
        (False, "", "198.51.100.1", UNKNOWN),
        (False, "::ffff:203.0.113.7", None, "203.0.113.7"),
        (False, "2001:0DB8:0::7", None, "2001:db8::7"),
        (True, "10.0.0.2", None, "10.0.0.2"),
        (True, "10.0.0.2", "198.51.100.1", "198.51.100.1"),
        (True, "10.0.0.2", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        (True, "10.0.0.2", "198.51.100.1, 1.1.1.1,2001:db8::7", "2001:db8::7"),
        (True, "10.0.0.2", "198.51.100.1:4711", "198.51.100.1"),
        (True, "10.0.0.2", "[2001:db8::7]:4711", "2001:db8::7"),
        (True, "10.0.0.2", "fe80::1%eth0", "fe80::1"),
        (True, "10.0.0.2", "198.51.100.1, nonsense", "10.0.0.2"),
        (True, "10.0.0.2", "198.51.100.1,", "10.0.0.2"),
        (True, "", "unknown", UNKNOWN),
        (True, "10.0.0.2", "999.1.1.1", "10.0.0.2"),
    ],
)
def test_an_address_is_believed_from_the_proxy_alone(
    settings: Any, proxied: bool, peer: str, forwarded: str | None, expected: str
) -> None:
    settings.BEHIND_HTTPS_PROXY = proxied
    headers = {"X-Real-IP": "192.0.2.66"} | ({"X-Forwarded-For": forwarded} if forwarded else {})
    request = RequestFactory(headers=headers, REMOTE_ADDR=peer).get("/")
    assert client_address(request) == expected


@pytest.mark.parametrize(
    ("address", "limited_by", "logged"),
    [
        ("203.0.113.7", "203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("", UNKNOWN, UNKNOWN),
    ],
)
def test_limits_count_households_and_logs_tell_less(
    address: str, limited_by: str, logged: str
) -> None:
    assert limit_key(RequestFactory(REMOTE_ADDR=address).get("/")) == limited_by
    assert truncated(address) == logged


# --- The log -------------------------------------------------------------------------------------


def test_a_request_leaves_one_line_that_tells_nothing_about_the_person(
    api: Client, caplog: pytest.LogCaptureFixture
) -> None:
    note = uuid.uuid4()
    with caplog.at_level(logging.INFO, "project.access"):
        api.get(f"/api/v1/notes/{note}?search=segredo", REMOTE_ADDR="203.0.113.77")
    lines = [r.getMessage() for r in caplog.records if r.name == "project.access"]
    assert len(lines) == 1
    pattern = rf"GET /api/v1/notes/{note} 404 \d+ ms from 203\.0\.113\.0/24"
    assert re.fullmatch(pattern, lines[0])


def test_loud_libraries_stay_quiet_at_any_level() -> None:
    config: Any = logging_config({"format": "text", "level": "DEBUG", "role": "web"})
    loud = {"openai", "httpx2", "httpcore2", "botocore", "boto3", "urllib3", "s3transfer"}
    assert loud <= set(QUIET)
    assert {config["loggers"][name]["level"] for name in QUIET} == {"WARNING"}


def test_a_traceback_of_ours_tells_where_and_not_what() -> None:
    for kind in ("text", "json"):
        config: Any = logging_config({"format": kind, "level": "DEBUG", "role": "web"})
        options = dict(config["formatters"]["line"])
        formatter = options.pop("()")(*((options.get("format"),) if kind == "text" else ("web",)))
        try:
            raise ValueError("jabu" + "ticaba")
        except ValueError:
            record = logging.getLogger("django.request").makeRecord(
                "django.request", logging.ERROR, __file__, 1, "fault", (), sys.exc_info()
            )
        line = formatter.format(record)
        assert "ValueError" in line
        assert Path(__file__).name in line
        assert "jabuticaba" not in line


def test_production_settings_pass_djangos_own_checks(tmp_path: Path) -> None:
    result = check(
        tmp_path,
        code="from django.core.management import execute_from_command_line as run;"
        "run(['manage.py', 'check', '--deploy', '--fail-level', 'WARNING'])",
        DJANGO_SETTINGS_MODULE="project.settings",
        SECRET_KEY="0aB-" * 13 + "xyzw987654321",
        BASE_URL="https://notes.example.com",
        DATABASE_URL="postgres://u:p@127.0.0.1:1/x",
        REDIS_URL="redis://:p@127.0.0.1:1/0",
    )
    assert result.returncode == 0, result.stderr
    assert "no issues" in result.stdout + result.stderr
