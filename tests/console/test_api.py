"""The API over a local socket, in front of a real driver and a switch that does as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
import pytest_asyncio

from console import api
from faults import StepFailed
from ledger import calls, jobs
from policy.types import Permission, Policy, RecordingProfile
from processing.step import Places
from processing.stores.choice import Stores
from processing.stores.local import LocalStore
from recorder.model import Then
from service.desk import Desk
from service.running_policy import RunningPolicy
from service.storage_desk import StorageDesk
from tests.console.running import ALICE, FINISHED
from tests.service.fakes import RECORD_ALL, SWITCH, Service, Story
from tests.service.test_driver import until


class Api:
    """A client, and what stands behind the socket."""

    def __init__(self, service: Service, session: aiohttp.ClientSession, desk: Desk) -> None:
        self.service = service
        self.desk = desk
        self._session = session

    async def ask(self, method: str, path: str) -> tuple[int, Any]:
        async with self._session.request(method, f"http://phonograph{path}") as response:
            return response.status, await response.json()


@pytest_asyncio.fixture
async def served(tmp_path: Path) -> AsyncIterator[Api]:
    async with serving(tmp_path, RECORD_ALL) as api_of_it:
        yield api_of_it


@asynccontextmanager
async def serving(tmp_path: Path, policy: Policy) -> AsyncIterator[Api]:
    (tmp_path / "policy.yaml").write_text("record: all\n")
    (tmp_path / "spool").mkdir()
    async with Service(tmp_path, policy=policy) as service:
        places = Places(spools={SWITCH: tmp_path / "spool"}, work=tmp_path, destination=tmp_path)
        storage = StorageDesk(service.ledger, Stores.of(LocalStore(tmp_path)), (), tmp_path, service.clock)
        desk = Desk(service.ledger, {SWITCH: service.driver}, RunningPolicy(tmp_path / "policy.yaml"), service.files,
                    service.waiters, places, service.clock, disk=service.disk, storage=storage, jobs_wait=lambda: None)
        task = asyncio.create_task(api.serve(desk, tmp_path / "s"))
        await until((tmp_path / "s").exists)
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(tmp_path / "s"))) as session:
            yield Api(service, session, desk)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_health_says_whether_the_switch_is_seen(served: Api) -> None:
    status, before = await served.ask("GET", "/health")
    assert (status, before["well"], before["switches"][SWITCH]["up"]) == (200, False, False)
    served.service.switch.tell(Story().up())
    await until(lambda: served.service.driver.health().up)
    assert (await served.ask("GET", "/health"))[1]["well"]


async def test_a_disk_that_is_nearly_full_makes_the_service_unwell_and_is_named(served: Api) -> None:
    served.service.switch.tell(Story().up())
    await until(lambda: served.service.driver.health().up)
    served.service.free = 5
    await served.service.disk.look()
    _, health = await served.ask("GET", "/health")
    assert (health["well"], health["disk"]["state"]) == (False, "nearly_full")
    assert health["disk"]["folders"]["work_path"]["free"] == 5


async def test_an_optional_recording_is_not_begun_on_a_disk_that_is_nearly_full(tmp_path: Path) -> None:
    optional = Policy(users={"alice": Permission(recording_profile=RecordingProfile.OPTIONAL)})
    async with serving(tmp_path, optional) as served:
        story = Story()
        served.service.switch.tell(story.up(), *story.dial(), *story.answer())
        await until(lambda: any(call.decision for call in served.service.driver.calls()))
        (call,) = served.service.driver.calls()
        served.service.free = 5
        await served.service.disk.look()
        status, answer = await served.ask("POST", f"/calls/{call.id}/start")
        assert (status, answer["fault"]["id"]) == (409, "recording.request-refused")
        assert "the disk is nearly full" in answer["fault"]["message"]
        served.service.free = 10**12
        await served.service.disk.look()
        assert (await served.ask("POST", f"/calls/{call.id}/start"))[0] == 200
        await served.service.switch.attached()


async def test_a_pause_is_answered_when_the_switch_has_confirmed_it(served: Api) -> None:
    story, switch = Story(), served.service.switch
    switch.tell(story.up(), *story.dial(), *story.answer())
    attach = await switch.attached()
    switch.tell(story.tap_up(attach))
    await until(lambda: served.service.driver.health().unwritten == 0)
    asked = asyncio.create_task(served.ask("POST", f"/calls/{attach.call}/pause?reason=card"))
    await switch.detached()
    assert not asked.done()
    switch.tell(story.tap_down(attach.segment))
    assert await asked == (200, {"answer": "confirmed", "message": "paused; the switch has confirmed it"})
    _, call = await served.ask("GET", f"/calls/{attach.call}")
    assert [(pause["reason"], pause["state"]) for pause in call["pauses"]] == [("card", "confirmed")]


async def test_a_pause_may_name_a_channel_and_end_by_itself(served: Api) -> None:
    story, switch = Story(), served.service.switch
    switch.tell(story.up(), *story.dial(), *story.answer())
    attach = await switch.attached()
    switch.tell(story.tap_up(attach))
    await until(lambda: served.service.driver.health().unwritten == 0)
    channel = quote(story.caller.name, safe="")
    asked = asyncio.create_task(served.ask("POST", f"/calls/{channel}/pause?longest=30&then=stop"))
    await switch.detached()
    switch.tell(story.tap_down(attach.segment))
    assert (await asked)[0] == 200
    (held,) = served.service.saved(attach.call).pauses
    assert held.until == pytest.approx(held.asked + 30)
    assert held.then is Then.STOP


async def test_what_the_engine_refuses_is_a_conflict_with_its_reason(served: Api) -> None:
    story, switch = Story(), served.service.switch
    switch.tell(story.up(), *story.dial(), *story.answer())
    attach = await switch.attached()
    status, answer = await served.ask("POST", f"/calls/{attach.call}/resume")
    assert (status, answer["fault"]["id"]) == (409, "recording.request-refused")
    assert "holds no pause" in answer["fault"]["message"]


async def test_a_call_that_goes_on_has_its_journal(served: Api) -> None:
    story, switch = Story(), served.service.switch
    switch.tell(story.up(), *story.dial(), *story.answer())
    attach = await switch.attached()
    status, answer = await served.ask("GET", f"/calls/{attach.call}/journal")
    assert status == 200
    assert answer["entries"][0]["journal"] == 1
    assert "4930123456" not in str(answer)


async def test_a_wrong_parameter_is_named(served: Api) -> None:
    status, answer = await served.ask("GET", "/calls?limit=0")
    assert (status, answer["detail"][0]["loc"]) == (422, ["query", "limit"])


async def test_an_unknown_verb_and_an_unknown_call_are_told_apart(served: Api) -> None:
    assert (await served.ask("POST", "/calls/x/erase"))[0] == 422
    assert (await served.ask("POST", "/calls/x/pause"))[0] == 404


async def test_a_failed_recording_begins_again_when_somebody_asks(served: Api) -> None:
    ledger = served.service.ledger
    with ledger.transaction() as connection:
        calls.save(connection, [ALICE], 1.0)
        jobs.enqueue(connection, FINISHED, 1.0)
        job = jobs.claim(connection, "worker", 1.0, 60.0)
        assert job is not None
        jobs.give_up(connection, job, StepFailed("The disk is full."))
    status, answer = await served.ask("POST", f"/recordings/{FINISHED}/retry")
    assert (status, answer) == (200, {"waiting": True})
    with ledger.reading() as connection:
        assert jobs.get(connection, FINISHED).state is jobs.JobState.WAITING


async def test_a_recording_whose_job_has_not_failed_cannot_be_begun_again(served: Api) -> None:
    status, answer = await served.ask("POST", f"/recordings/{FINISHED}/retry")
    assert (status, answer["fault"]["id"]) == (404, "service.not-found")
