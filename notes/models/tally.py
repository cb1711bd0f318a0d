"""Counts that only grow, whoever counted: web processes, workers, containers of the past."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection, models


class Tally(models.Model):
    """How often something happened, or how much of it, since this database was made."""

    name = models.CharField(max_length=200, primary_key=True)
    value = models.FloatField()

    class Meta:
        verbose_name_plural = "tallies"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def add(cls, amounts: Mapping[str, float]) -> None:
        """Add to each named tally, in one statement."""
        if not amounts:
            return
        # In one order, or two that add at once could wait for each other.
        rows = sorted(amounts.items())
        table, places = cls._meta.db_table, ", ".join(["(%s, %s)"] * len(rows))
        with connection.cursor() as cursor:
            cursor.execute(
                # Names of ours and placeholders, no values.
                f"INSERT INTO {table} (name, value) VALUES {places}"  # noqa: S608  # nosec B608
                f" ON CONFLICT (name) DO UPDATE SET value = {table}.value + excluded.value",
                [part for row in rows for part in row],
            )
