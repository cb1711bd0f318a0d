"""The pages for operators name what is there, in both languages alike."""

from __future__ import annotations

import re

import pytest
from django.core.management import get_commands
from django.test import Client

from project.weak import RENAMED
from tests.environment import names_of_settings
from tests.services.run import REPOSITORY

DOCS = REPOSITORY / "docs"
PAGES = ("operations.md", "migrating-from-celery.md")
#: What both languages must name: commands, options, settings, metrics.
NAMES = re.compile(r"manage\.py \w+|--[a-z][a-z-]+|\b[A-Z]+(?:_[A-Z0-9]+)+\b|\bbau_\w+")


def names(page: str) -> set[str]:
    return set(NAMES.findall((DOCS / page).read_text()))


@pytest.mark.parametrize("page", PAGES)
def test_both_languages_name_the_same(page: str) -> None:
    assert names(page) == names(f"pt-BR/{page}")


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_that_a_page_names_are_there(page: str) -> None:
    named = {name.split()[1] for name in names(page) if name.startswith("manage.py")}
    assert named
    assert named <= {*get_commands()}


def test_the_settings_of_the_celery_system_are_told_with_their_counterparts() -> None:
    text = (DOCS / "migrating-from-celery.md").read_text()
    rows = dict(re.findall(r"^\| `(CELERY_\w+)` \| (.*) \|$", text, re.MULTILINE))
    assert set(rows) == set(RENAMED)
    for name, sentence in RENAMED.items():
        for setting in re.findall(r"`([A-Z_]+)`", rows[name]):
            assert setting in names_of_settings()
            assert setting in sentence


@pytest.mark.django_db
def test_each_metric_is_in_the_docs(client: Client, settings: object) -> None:
    settings.METRICS_TOKEN = "for-tests-only-metrics"  # type: ignore[attr-defined]
    answer = client.get("/metrics", headers={"Authorization": "Bearer for-tests-only-metrics"})
    families = set(re.findall(r"^# TYPE (\w+)", answer.content.decode(), re.MULTILINE))
    told = {name for name in names("operations.md") if name.startswith("bau_")}
    assert families <= told
    assert told - families <= {"bau_web_busy_seconds"}
