"""`celery -A twin.worker worker`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "twin.settings")
django.setup()

from twin.tasks import app  # noqa: E402

__all__ = ["app"]
