"""Full text search: tables, triggers and functions, in the way of each database."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from notes.search import postgresql_schema, sqlite_schema

SCHEMAS = {"postgresql": postgresql_schema, "sqlite": sqlite_schema}


def create(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    SCHEMAS[editor.connection.vendor].create(editor)


def drop(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    SCHEMAS[editor.connection.vendor].drop(editor)


class Migration(migrations.Migration):
    dependencies = [("notes", "0007_webhooks")]
    operations = [migrations.RunPython(create, drop)]
