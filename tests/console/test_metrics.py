"""What Prometheus reads, and what is listed as being recorded now."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select

from console import metrics
from faults import ReceiverUnreachable, StepFailed
from ledger import calls, deliveries, jobs, tables
from ledger.open import saved_calls
from policy.types import RecordingTarget
from recorder.events import SessionIs, TapFailed
from recorder.model import Session
from recorder.states import RecordingState, SessionState
from tests.console.test_api import Api, serving
from tests.processing.serving import both_ways
from tests.processing.serving import served as at_servers
from tests.service.fakes import RECORD_ALL, SWITCH, Story
from tests.service.test_driver import until


@pytest_asyncio.fixture
async def served(tmp_path: Path) -> AsyncIterator[Api]:
    async with serving(tmp_path, RECORD_ALL) as api_of_it:
        yield api_of_it


async def read(served: Api) -> dict[tuple[str, ...], float]:
    """Each sample's value, by its name and the values of its labels in the order of their names."""
    told = metrics.text(await served.desk.figures(), served.desk.health()).decode()
    return {(sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
            for family in text_string_to_metric_families(told) for sample in family.samples}


async def recorded(served: Api) -> Story:
    """A call whose tap is up."""
    story, switch = Story(), served.service.switch
    switch.tell(story.up(), *story.dial(), *story.answer())
    switch.tell(story.tap_up(await switch.attached()))
    await until(lambda: any(one["state"] == "recording" for one in served.desk.running()))
    await until(lambda: _written(served))
    return story


def _written(served: Api) -> bool:
    """Whether the ledger has it that a recording is being made."""
    table = tables.recording_states
    with served.service.ledger.reading() as connection:
        return bool(connection.execute(select(table).where(table.c.state == RecordingState.RECORDING.value)).all())


async def test_a_switch_that_is_not_there_and_one_that_is(served: Api) -> None:
    found = await read(served)
    assert (found["phonograph_switch_up", SWITCH], found["phonograph_well",]) == (0, 0)
    served.service.switch.tell(Story().up())
    await until(lambda: served.service.driver.health().up)
    await served.service.disk.look()
    found = await read(served)
    assert (found["phonograph_switch_up", SWITCH], found["phonograph_well",]) == (1, 1)
    assert found["phonograph_disk_free_bytes", "work_path"] > 0


async def test_what_is_recorded_now_and_which_states_were_reached(served: Api) -> None:
    await read(served)
    await recorded(served)
    found = await read(served)
    assert found["phonograph_recordings_running", "recording", SWITCH] == 1
    assert found["phonograph_calls_open", SWITCH] == 1
    assert found["phonograph_recording_states_total", RecordingState.RECORDING.value] == 1
    assert found["phonograph_recording_states_total", RecordingState.FAILED.value] == 0
    again = await read(served)
    assert again["phonograph_recording_states_total", RecordingState.RECORDING.value] == 1


async def test_failed_jobs_and_notices_are_counted_and_what_is_done_is_not(served: Api) -> None:
    await recorded(served)
    (row,) = served.desk.running()
    with served.service.ledger.transaction() as connection:
        jobs.enqueue(connection, row["recording"], 1.0)
        job = jobs.claim(connection, "worker", 2.0, 60.0)
        assert job is not None
        jobs.give_up(connection, job, StepFailed("broken"))
        change = connection.execute(tables.recording_states.select()).mappings().first()
        assert change is not None
        for number, status in enumerate((deliveries.Status.FAILED, deliveries.Status.DONE)):
            connection.execute(tables.deliveries.insert(), {
                "channel": f"webhook.crm-{number}", "change": change["id"], "recording": row["recording"],
                "state": change["state"], "created": 1.0, "run_at": 1.0, "attempts": 1, "status": status.value,
                "progress": {}, "note": "", "fault": ReceiverUnreachable("gone").as_dict()})
    found = await read(served)
    assert (found["phonograph_jobs", "failed"], found["phonograph_jobs", "waiting"]) == (1, 0)
    assert found["phonograph_notices", "webhook.crm-0", "failed"] == 1
    assert ("phonograph_notices", "webhook.crm-1", "done") not in found


async def test_no_number_name_or_id_of_a_call_is_told(served: Api) -> None:
    await recorded(served)
    (row,) = served.desk.running()
    told = metrics.text(await served.desk.figures(), served.desk.health()).decode()
    for private in (row["recording"], row["call"], "alice", "bob"):
        assert private not in told


async def test_what_is_recorded_now_is_listed_with_what_is_tapped(served: Api) -> None:
    await recorded(served)
    status, answer = await served.ask("GET", "/running")
    (row,) = answer["recordings"]
    assert (status, row["state"], row["switch"], row["error"]) == (200, "recording", SWITCH, "")
    assert len(row["sources"]) == 1
    assert row["started"] is not None


async def test_a_recording_whose_tap_fails_is_listed_with_the_cause(served: Api) -> None:
    story, switch = Story(), served.service.switch
    switch.tell(story.up(), *story.dial(), *story.answer())
    attach = await switch.attached()
    switch.tell(TapFailed(switch=SWITCH, at=story.tap_up(attach).at, sequence=1000, segment=attach.segment,
                          cause="no such file"))
    await until(lambda: any(one["error"] for one in served.desk.running()))
    (row,) = served.desk.running()
    assert (row["state"], row["sources"], row["error"]) == ("armed", [], "no such file")


async def test_sessions_fallbacks_and_packets_are_counted_by_server(served: Api, tmp_path: Path) -> None:
    await recorded(served)
    await read(served)
    (call,) = served.service.driver.calls()
    session = Session(id="1@us", server="main", state=SessionState.UP, asked=1.0, up=2.0)
    served.service.switch.tell(SessionIs(switch=SWITCH, at=Story().up().at, sequence=2_000, session=session,
                                         recording=call.recordings[0].id))
    await until(lambda: any(one.recordings[0].sessions for one in served.service.driver.calls()))
    found = await read(served)
    assert found["phonograph_sessions", "main", "up"] == 1
    assert (found["phonograph_recordings_uncarried", SWITCH], found["phonograph_fallbacks_total",]) == (0, 0)
    ended = at_servers(tmp_path, RecordingTarget.SIPREC, *both_ways(0.2, 4.0, lost=1, unheard=2))
    for _ in range(2):
        with served.service.ledger.transaction() as connection:
            saved_calls(connection).clear()
            (recording,) = ended.call.recordings
            for state, uncarried in ((RecordingState.RECORDING, True), (RecordingState.PROCESSING, False)):
                changed = replace(recording, state=state, uncarried=uncarried)
                calls.save(connection, [replace(ended.call, recordings=(changed,))], 1.0)
        found = await read(served)
        assert found["phonograph_fallbacks_total",] == 1
        assert [found["phonograph_server_packets_total", "main", what] for what in ("sent", "lost", "unheard")] == [
            380, 2, 4]
