"""Every setting, read from the environment once; all bad values are reported together.

``.env.example`` lists them with their defaults; a test compares it with this file.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from project.csp import strict_policy
from project.databases import postgresql, sqlite
from project.email import email
from project.embedded import default_redis_url
from project.environment import (
    LOCAL_HOSTS,
    Environment,
    at_least,
    http_url,
    is_local,
    is_redis_url,
    one_of,
    two_letters,
)
from project.storages import bucket_origins, folder_storage, s3_storage
from project.volumes import is_on_volume
from project.weak import Given, is_public, renamed_settings, weak_settings

env = Environment()
env.add_parser("http_url", http_url)

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.str("VAR_DIR", str(BASE_DIR / "var")))
STATIC_ROOT = BASE_DIR / "staticfiles"
for _folder in (VAR_DIR, STATIC_ROOT):
    # In an image with a read-only root nothing is kept here.
    with suppress(OSError):
        _folder.mkdir(exist_ok=True)

# --- Processes -----------------------------------------------------------------------------------

PROCESS_ROLE: str = env.str("PROCESS_ROLE", "all", validate=one_of("all", "web", "worker"))
PORT: int = env.int("PORT", 8000, validate=at_least(1))
#: A container for web alone is there to take in more; one for all is there to be small.
WEB_CONCURRENCY: int = env.int(
    "WEB_CONCURRENCY", 2 if PROCESS_ROLE == "web" else 1, validate=at_least(1)
)
WEB_THREADS: int = env.int("WEB_THREADS", 16, validate=at_least(1))
#: Have each Python process keep to one core; off where other processes are bound to cores, too.
KEEP_TO_CORES: bool = env.bool("KEEP_TO_CORES", True)
WORKER_THREADS: int = env.int("WORKER_THREADS", 64, validate=at_least(1))
STOP_GRACE_SECONDS: int = env.int("STOP_GRACE_SECONDS", 8, validate=at_least(5))
LOG_FORMAT: str = env.str("LOG_FORMAT", "text", validate=one_of("text", "json"))
LOG_LEVEL: str = env.str("LOG_LEVEL", "INFO", validate=one_of("DEBUG", "INFO", "WARNING", "ERROR"))

# --- The pipeline --------------------------------------------------------------------------------

LEASE_SECONDS: int = env.int("LEASE_SECONDS", 30, validate=at_least(2))
STAGE_SECONDS: int = env.int("STAGE_SECONDS", 180, validate=at_least(2))
SWEEP_SECONDS: int = env.int("SWEEP_SECONDS", 5, validate=at_least(1))
MAX_UPLOAD_MB: int = env.int("MAX_UPLOAD_MB", 48, validate=at_least(1))
MAX_AUDIO_MINUTES: int = env.int("MAX_AUDIO_MINUTES", 200, validate=at_least(1))
AUDIO_RETENTION_DAYS: int = env.int("AUDIO_RETENTION_DAYS", 0, validate=at_least(0))
UPLOAD_RESERVATION_SECONDS: int = env.int("UPLOAD_RESERVATION_SECONDS", 60, validate=at_least(1))
USER_REQUESTS_PER_MINUTE: int = env.int("USER_REQUESTS_PER_MINUTE", 600, validate=at_least(0))
USER_NOTES_PER_DAY: int = env.int("USER_NOTES_PER_DAY", 1000, validate=at_least(0))
USER_AUDIO_MINUTES_PER_DAY: int = env.int("USER_AUDIO_MINUTES_PER_DAY", 600, validate=at_least(0))
INSTANCE_AUDIO_MINUTES_PER_DAY: int = env.int(
    "INSTANCE_AUDIO_MINUTES_PER_DAY", 6000, validate=at_least(0)
)
DEFAULT_LANGUAGE: str = env.str("DEFAULT_LANGUAGE", "pt", validate=two_letters)

TRANSCRIPTION_PART_SECONDS: int = env.int("TRANSCRIPTION_PART_SECONDS", 0, validate=at_least(0))
TRANSCRIPTION_PART_MB: int = env.int("TRANSCRIPTION_PART_MB", 0, validate=at_least(0))
TRANSCRIPTION_PARALLEL_PARTS: int = env.int("TRANSCRIPTION_PARALLEL_PARTS", 4, validate=at_least(1))

OPENAI_API_KEY: str = env.str("OPENAI_API_KEY", "")
OPENAI_BASE_URL: str = env.http_url("OPENAI_BASE_URL", "https://api.openai.com/v1")
_VENDOR = "openai" if OPENAI_API_KEY else "local"
TRANSCRIBER: str = env.str("TRANSCRIBER", _VENDOR, validate=one_of("openai", "local"))
TRANSCRIPTION_MODEL: str = env.str("TRANSCRIPTION_MODEL", "gpt-transcribe")
LOCAL_MODEL: str = env.str("LOCAL_MODEL", "")
_CLASSIFIER = "llm" if OPENAI_API_KEY else "rules"
CLASSIFIER: str = env.str("CLASSIFIER", _CLASSIFIER, validate=one_of("rules", "llm"))
CLASSIFICATION_MODEL: str = env.str("CLASSIFICATION_MODEL", "gpt-6-luna")
for _name, _value in (("TRANSCRIBER", TRANSCRIBER), ("CLASSIFIER", CLASSIFIER)):
    if _value in ("openai", "llm") and not OPENAI_API_KEY:
        env.complain(_name, f"'{_value}' needs OPENAI_API_KEY.")

# --- Where things are kept -----------------------------------------------------------------------

DATABASE_URL: str = env.str("DATABASE_URL", f"sqlite:///{VAR_DIR / 'bau.sqlite3'}")
DATABASE_POOL_SIZE: int = env.int("DATABASE_POOL_SIZE", 8, validate=at_least(2))
DATABASE_PREPARE: bool = env.bool("DATABASE_PREPARE", True)
REDIS_URL: str = env.str("REDIS_URL", default_redis_url(VAR_DIR))
SHARED_VOLUME: bool = env.bool("SHARED_VOLUME", False)
VOLUME_REQUIRED: bool = env.bool("VOLUME_REQUIRED", False)
MEDIA_ROOT: str = env.str("MEDIA_ROOT", str(VAR_DIR / "media"))
S3_BUCKET: str = env.str("S3_BUCKET", "")
S3_ENDPOINT_URL: str = env.str("S3_ENDPOINT_URL", "")
S3_REGION: str = env.str("S3_REGION", "auto")
S3_ACCESS_KEY_ID: str = env.str("S3_ACCESS_KEY_ID", "")
S3_SECRET_ACCESS_KEY: str = env.str("S3_SECRET_ACCESS_KEY", "")

if S3_BUCKET and S3_REGION == "auto" and not S3_ENDPOINT_URL:
    env.complain(
        "S3_REGION", "Name the region of the bucket; auto is for R2, with S3_ENDPOINT_URL."
    )

_ON_SQLITE = DATABASE_URL.startswith("sqlite")
if PROCESS_ROLE in ("web", "worker") and not SHARED_VOLUME:
    if _ON_SQLITE:
        env.complain(
            "DATABASE_URL",
            "A split role cannot use SQLite, which the other container would not see."
            " Name a PostgreSQL, or set SHARED_VOLUME=1 if both mount the same folder.",
        )
    if not os.environ.get("REDIS_URL") and not os.environ.get("REDIS_URL_FILE"):
        env.complain("REDIS_URL", "A split role needs one, or its other half would never hear it.")
    if not S3_BUCKET:
        env.complain(
            "S3_BUCKET",
            "A split role cannot keep audio in a folder that the other container would not see."
            " Name a bucket, or set SHARED_VOLUME=1 if both mount the same folder.",
        )

if VOLUME_REQUIRED:
    _kept = {} if S3_BUCKET else {"MEDIA_ROOT": MEDIA_ROOT}
    if _ON_SQLITE and ":memory:" not in DATABASE_URL:
        _kept["DATABASE_URL"] = os.path.dirname(DATABASE_URL.removeprefix("sqlite:///"))
    for _name, _folder_kept in _kept.items():
        if not is_on_volume(Path(os.path.abspath(_folder_kept))):
            env.complain(
                _name,
                f"{_folder_kept} is inside the container and would be gone with it. Mount a volume"
                f" at {VAR_DIR}, use PostgreSQL and a bucket, or, to lose it, VOLUME_REQUIRED=0.",
            )

# --- The site ------------------------------------------------------------------------------------

DEBUG: bool = env.bool("DEBUG", False)
BASE_URL: str = env.http_url("BASE_URL", "http://localhost:8000")
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", [])
# gunicorn speaks no TLS, so an https address means a proxy; it also appends X-Forwarded-For.
BEHIND_HTTPS_PROXY: bool = env.bool("BEHIND_HTTPS_PROXY", (BASE_URL or "").startswith("https"))
HSTS_SECONDS: int = env.int("HSTS_SECONDS", 3600, validate=at_least(0))
WEBHOOKS_ALLOW_PRIVATE: bool = env.bool("WEBHOOKS_ALLOW_PRIVATE", False)
if WEBHOOKS_ALLOW_PRIVATE and BASE_URL and not is_local(BASE_URL):
    env.complain(
        "WEBHOOKS_ALLOW_PRIVATE",
        "Only with a local BASE_URL: on a public site any user could reach your inner network.",
    )
EMAIL_URL: str = env.str("EMAIL_URL", "")
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", "Baú Mental <webmaster@localhost>")
try:
    _EMAIL = email(EMAIL_URL)
except ValueError as fault:
    env.complain("EMAIL_URL", str(fault))
SECRET_KEY: str = env.str("SECRET_KEY", "")
# Keys that were in use before: what they signed stays valid while sessions and links run out.
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])
if not SECRET_KEY and BASE_URL:
    if is_local(BASE_URL):
        from project.secret_key import own_secret_key

        try:
            SECRET_KEY = own_secret_key(VAR_DIR)
        except OSError:
            env.complain("SECRET_KEY", f"Not set, and none can be kept in {VAR_DIR}.")
    else:
        env.complain(
            "SECRET_KEY",
            "A public BASE_URL needs one, at least 50 random characters."
            """ Make it with: python -c "import secrets; print(secrets.token_urlsafe(50))".""",
        )

try:
    DATABASES: dict[str, Any] = {
        "default": sqlite(DATABASE_URL)
        if _ON_SQLITE
        else postgresql(DATABASE_URL, pool_size=DATABASE_POOL_SIZE, prepare=DATABASE_PREPARE)
    }
except ValueError as fault:
    env.complain("DATABASE_URL", str(fault))
if not is_redis_url(REDIS_URL):
    env.complain(
        "REDIS_URL",
        "Must be a redis://, rediss:// or unix:// address;"
        " in a password, write / # ? and @ as %2F %23 %3F and %40.",
    )

# --- Watching it ---------------------------------------------------------------------------------

METRICS_TOKEN: str = env.str("METRICS_TOKEN", "")
SENTRY_DSN: str = env.str("SENTRY_DSN", "")

for _name, _why in (
    *renamed_settings(os.environ),
    *weak_settings(
        Given(
            base_url=BASE_URL,
            allowed_hosts=ALLOWED_HOSTS,
            debug=DEBUG,
            secret_keys={"SECRET_KEY": [SECRET_KEY], "SECRET_KEY_FALLBACKS": SECRET_KEY_FALLBACKS},
            secrets={
                "OPENAI_API_KEY": OPENAI_API_KEY,
                "S3_ACCESS_KEY_ID": S3_ACCESS_KEY_ID,
                "S3_SECRET_ACCESS_KEY": S3_SECRET_ACCESS_KEY,
                "METRICS_TOKEN": METRICS_TOKEN,
            },
            servers={"DATABASE_URL": DATABASE_URL, "REDIS_URL": REDIS_URL},
            services={
                "OPENAI_BASE_URL": OPENAI_BASE_URL,
                "S3_ENDPOINT_URL": S3_ENDPOINT_URL,
                "SENTRY_DSN": SENTRY_DSN,
            },
        )
    ),
):
    env.complain(_name, _why)

env.refuse_bad_values()

# --- Django --------------------------------------------------------------------------------------

_HOST = urlsplit(BASE_URL).hostname or "localhost"
ALLOWED_HOSTS = [*ALLOWED_HOSTS, _HOST, *(LOCAL_HOSTS if is_local(BASE_URL) else ())]
CSRF_TRUSTED_ORIGINS = [BASE_URL]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BASE_URL.startswith("https")
if BEHIND_HTTPS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    # The platform asks inside its own network.
    SECURE_REDIRECT_EXEMPT = ["^readyz$"]
    SECURE_HSTS_SECONDS = HSTS_SECONDS
SECURE_CSP = strict_policy(
    bucket_origins(S3_BUCKET, S3_ENDPOINT_URL, S3_REGION) if S3_BUCKET else ()
)
EMAIL_BACKEND, EMAIL_HOST, EMAIL_PORT = _EMAIL.backend, _EMAIL.host, _EMAIL.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _EMAIL.user, _EMAIL.password
EMAIL_USE_TLS, EMAIL_USE_SSL = _EMAIL.starttls, _EMAIL.tls
EMAIL_TIMEOUT = 20
PERMISSIONS_POLICY = "microphone=(self), camera=(), geolocation=()"
CSRF_FAILURE_VIEW = "notes.error_views.csrf_failure"
# What `check --deploy` would have otherwise, each for a reason.
SILENCED_SYSTEM_CHECKS = [
    # includeSubDomains and preload would bind names that are not ours to bind.
    "security.W005",
    "security.W021",
]
if not HSTS_SECONDS or not BEHIND_HTTPS_PROXY:
    # An operator who says so has a reason; whoever ends HTTPS can do both as well.
    SILENCED_SYSTEM_CHECKS += ["security.W004", "security.W008"]
if not is_public(BASE_URL):
    # Plain http and DEBUG are for networks that are nobody else's.
    SILENCED_SYSTEM_CHECKS += [f"security.W{number:03}" for number in (4, 8, 12, 16, 18)]
DEFAULT_EXCEPTION_REPORTER_FILTER = "project.reports.HidesAddresses"

ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_dramatiq",
    "drf_spectacular_sidecar",
    "page",
    "notes",
]
MIDDLEWARE = [
    "notes.health.HealthMiddleware",
    "notes.traffic.TrafficMiddleware",
    "project.request_id.RequestIdMiddleware",
    "project.csp.BrowserPolicyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "notes.uploads.SizeGate",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "notes.logins.ProblemMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = ["notes.logins.ThrottledBackend"]
LOGIN_URL = "page:login"
LOGIN_REDIRECT_URL = "page:home"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "pt-br"
LANGUAGES = [("pt-br", "Português (Brasil)"), ("en", "English")]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
# In an image they are collected, and compressed beside.
WHITENOISE_USE_FINDERS = not (STATIC_ROOT / "admin").is_dir()
STORAGES: dict[str, Any] = {
    "default": s3_storage(
        bucket=S3_BUCKET,
        endpoint_url=S3_ENDPOINT_URL,
        region=S3_REGION,
        access_key=S3_ACCESS_KEY_ID,
        secret_key=S3_SECRET_ACCESS_KEY,
    )
    if S3_BUCKET
    else folder_storage(MEDIA_ROOT),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# One file part of an upload stays in memory up to this many bytes, the rest goes to a temporary
# file; other parts and JSON bodies are refused above DATA_UPLOAD_MAX_MEMORY_SIZE.
FILE_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
FILE_UPLOAD_HANDLERS = [
    "notes.uploads.CappedUpload",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
DATA_UPLOAD_MAX_NUMBER_FILES = 1
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20

# --- Dramatiq: it distributes and runs, the rows remember ---------------------------------------

DRAMATIQ_BROKER = {
    "BROKER": "notes.broker.DoorbellBroker",
    "OPTIONS": {"url": REDIS_URL},
    "MIDDLEWARE": [
        "notes.broker.WorkerLife",
        "django_dramatiq.middleware.DbConnectionsMiddleware",
    ],
}
DRAMATIQ_IGNORED_MODULES = ["django_dramatiq.tasks"]
DRAMATIQ_ENCODER = "dramatiq.encoder.JSONEncoder"

LOGGING_CONFIG = "project.logs.configure"
LOGGING = {"format": LOG_FORMAT, "level": LOG_LEVEL, "role": os.environ.get("BAU_PROCESS", "web")}
