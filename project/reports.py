"""What a report of an error may show of the settings."""

from __future__ import annotations

import re

from django.views.debug import SafeExceptionReporterFilter


class HidesAddresses(SafeExceptionReporterFilter):
    """Hides addresses too, since they hold passwords: REDIS_URL, DATABASE_URL, SENTRY_DSN."""

    hidden_settings = re.compile(
        SafeExceptionReporterFilter.hidden_settings.pattern + "|URL|DSN|BROKER|DATABASE", re.I
    )
