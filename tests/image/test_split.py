"""Web and worker as two apps, from the two captain files, and a version that replaces another."""

from __future__ import annotations

import time

from tests.faults.test_t13_two_versions import NEW_ACTOR, sending, wait_for_more
from tests.image.container import Image
from tests.image.rig import ImageRig
from tests.services import wait_for
from tests.stack import Client

THREADS = 4
QUICK = {"SWEEP_SECONDS": "1"}
NOTES_OVER_A_DEPLOY = 200


def test_two_apps_lose_nothing_when_each_is_restarted_and_share_the_work(
    images: dict[str, Image],
) -> None:
    env = {**QUICK, "WORKER_THREADS": str(THREADS)}
    with ImageRig(images, "web", env=env) as rig:
        rig.provider.latency["transcriptions"] = 1.0
        web, worker = rig.app, rig.add_worker()
        assert "PROCESS_ROLE" not in {*worker.env} - {*worker.image.env}
        began = time.monotonic()
        rig.send(35)
        web.terminate()
        web.start()
        rig.send(35)
        worker.terminate()
        worker.start()
        second = rig.add_worker()
        rest = rig.send(30)
        rig.settle(120)
        took = time.monotonic() - began
        wait_for(lambda: all(one.healthy() for one in (web, worker, second)), 30, "not healthy")
        peak = rig.peak_of_calls(*rest)
        row = rig.close_books(
            "two apps of the two captain files; web and worker restarted, a worker added",
            recovery=took,
            of="from the first upload to the last end",
            remark=f"({peak} calls at once, where one worker has {THREADS} threads)",
        )
        assert row.completed == row.accepted == 100
        assert THREADS < peak <= 2 * THREADS


def test_two_versions_side_by_side_lose_none_of_two_hundred_notes(
    images: dict[str, Image],
) -> None:
    with ImageRig(images, "all", env=QUICK) as rig:
        rig.provider.latency["transcriptions"] = 0.5
        new = rig.add_next()
        served_by: list[Client] = [rig.owner]
        try:
            with sending(rig, served_by):
                new.start()
                served_by.append(new.client(rig.owner.token))
                rig.send(NOTES_OVER_A_DEPLOY - 60)
                wait_for(lambda: NEW_ACTOR in rig.stack.log_text(), 60, "they never met")
                del served_by[0]
                wait_for_more(rig, 3)
                stop = rig.stack.terminate()
                wait_for(lambda: len(rig.sent) >= NOTES_OVER_A_DEPLOY, 60, "no notes arrive")
                last = time.monotonic()
            rig.settle(60)
            row = rig.close_books(
                "old and new image on one database",
                recovery=time.monotonic() - last,
                of="from the last upload until all had ended",
                remark=f"(the old one stopped in {stop:.1f} s)",
            )
        finally:
            new.close()
        assert row.completed == row.accepted >= NOTES_OVER_A_DEPLOY
        assert not rig.refused
