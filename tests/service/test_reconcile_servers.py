"""Recordings at recording servers are no loss and no orphan where those have them; where none does, it is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from ledger import calls
from policy.types import RecordingTarget
from service.expected import Daily, expected
from service.reconcile import Discrepancy, reconcile
from tests.processing.scene import BEGAN, Scene
from tests.processing.serving import both_ways, finished, served, session
from tests.service.fakes import FakeClock

SINCE, UNTIL = BEGAN - 10, BEGAN + 10_000


def found(scene: Scene) -> list[Discrepancy]:
    scene.spool.mkdir(parents=True, exist_ok=True)
    ledger = scene.ledger()
    with ledger.reading() as connection:
        listed = reconcile(connection, scene.places, since=SINCE, until=UNTIL)
    ledger.close()
    return listed


def test_a_recording_that_servers_have_all_of_lacks_nothing(tmp_path: Path) -> None:
    scene = served(tmp_path, RecordingTarget.SIPREC, *both_ways(0.2, 4.0))
    assert finished(scene)[0] == "ready"
    assert found(scene) == []


@pytest.mark.parametrize("target", [RecordingTarget.SIPREC, RecordingTarget.BOTH])
def test_a_recording_that_no_server_was_sent_is_listed_also_where_files_have_it(
        tmp_path: Path, target: RecordingTarget) -> None:
    scene = served(tmp_path, target, file=(0.0, 4.0), sessions=(session(up=None, cause="no answer"),))
    scene.record()
    finished(scene)
    (one,) = found(scene)
    assert (one.kind, one.what, one.said, one.remedy) == (
        "not_carried", scene.recording, "No recording server was sent anything of it: main: no answer.", None)


async def test_the_day_says_how_many_no_server_took_for_a_while(tmp_path: Path) -> None:
    scene = served(tmp_path, RecordingTarget.SIPREC, *both_ways(0.2, 4.0))
    scene.spool.mkdir(parents=True)
    scene.enqueue()
    (recording,) = scene.call.recordings
    ledger = scene.ledger()
    with ledger.transaction() as connection:
        for uncarried in (True, False, True):
            changed = replace(recording, uncarried=uncarried)
            calls.save(connection, [replace(scene.call, recordings=(changed,))], BEGAN + 1)
    with ledger.reading() as connection:
        assert expected(connection, since=SINCE, until=UNTIL)["uncarried"] == 1
        assert expected(connection, since=UNTIL, until=UNTIL + 1)["uncarried"] == 0
    with capture_logs() as logs:
        Daily(ledger, scene.places, FakeClock(), ZoneInfo("UTC"))._tell(datetime.fromtimestamp(BEGAN, UTC).date())
    ledger.close()
    assert [line["uncarried"] for line in logs if line["event"] == "expected against recorded"] == [1]

