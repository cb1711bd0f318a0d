"""T3: a transaction that fails after the ring was asked for leaves no note and rings for nobody."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction

from notes.broker import broker
from notes.models import Note
from tests.faults.rig import Rig

#: What fails at the latest moment there is: while the database commits.
REFUSE_TO_COMMIT = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION 'no commit today'; END $$;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON notes_note
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();
"""


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_what_was_rolled_back_is_never_rung_for(new_note: Callable[..., Note]) -> None:
    with transaction.atomic():
        new_note()
        new_note(transcript="pia")
        transaction.set_rollback(True)
    assert not Note.objects.exists()
    assert broker().client.keys("*") == []


def test_a_commit_that_fails_is_told_and_leaves_nothing_to_do() -> None:
    with Rig() as rig:
        assert rig.postgres
        rig.postgres.execute(REFUSE_TO_COMMIT, database="bau")
        before = rings_so_far(rig)
        rig.send(4)
        assert [refused.status for refused in rig.refused] == [500] * 4
        assert [refused.problem["code"] for refused in rig.refused] == ["internal_error"] * 4
        assert (rig.sent, rig.query("SELECT id FROM notes_note")) == ([], [])
        assert rings_so_far(rig) == before
        rig.postgres.execute("DROP FUNCTION refuse CASCADE", database="bau")
        rig.send(2)
        rig.settle(20)
        assert rings_so_far(rig) >= before + 2  # it does count them
        row = rig.close_books("T3 COMMIT fails", remark="(4 refused before: no note, no ring)")
        assert (row.completed, row.calls) == (2, 2)


def rings_so_far(rig: Rig) -> int:
    """How many messages Redis has ever been given, also those that are done with."""
    with rig.valkey.client() as client:
        calls = client.info("commandstats").get("cmdstat_rpush", {"calls": 0})["calls"]
    return int(calls)
