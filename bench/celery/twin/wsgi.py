"""What gunicorn serves."""

import os

import django
from django.core.handlers.wsgi import WSGIHandler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "twin.settings")
django.setup(set_prefix=False)

import twin.tasks  # noqa: E402  the Celery app that .delay() speaks to

application = WSGIHandler()
__all__ = ["application", "twin"]
