"""Room on the disks: who is warned and when, what is stopped, what goes on, and that a state does not flap."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from faults import SettingsInvalid
from policy.types import Permission, Policy, RecordingProfile
from recorder.events import ActorKind, Asked, Verb
from recorder.model import Call
from recorder.states import RecordingState
from service.disk import EVERY_S, Disk, State, Watermarks, free_bytes, in_words
from service.setting_types import size
from service.settings import DiskSettings
from service.settings_file import parse
from tests.service.fakes import SWITCH, FakeClock, Service, Story
from tests.service.test_driver import until

WATERMARKS = Watermarks(warn_below=5_000, stop_optional_below=1_000)
OPTIONAL = Policy(users={"alice": Permission(recording_profile=RecordingProfile.OPTIONAL),
                         "carol": Permission(recording_profile=RecordingProfile.ALWAYS)})


class TestWatermarks:
    @pytest.mark.parametrize(("free", "state"), [
        (10_000, State.WELL), (5_000, State.WELL), (4_999, State.LOW), (1_000, State.LOW), (999, State.NEARLY_FULL),
        (0, State.NEARLY_FULL)])
    def test_each_size_begins_a_state(self, free: int, state: State) -> None:
        assert WATERMARKS.state(free) is state

    @pytest.mark.parametrize(("before", "free", "state"), [
        (State.LOW, 5_400, State.LOW), (State.LOW, 5_500, State.WELL), (State.NEARLY_FULL, 1_099, State.NEARLY_FULL),
        (State.NEARLY_FULL, 1_100, State.LOW), (State.NEARLY_FULL, 9_000, State.WELL)])
    def test_a_state_is_left_with_a_tenth_more(self, before: State, free: int, state: State) -> None:
        assert WATERMARKS.state(free, before) is state

    @given(st.integers(0, 10_000), st.sampled_from(State))
    def test_a_size_of_nothing_watches_nothing(self, free: int, before: State) -> None:
        assert Watermarks(warn_below=0, stop_optional_below=0).state(free, before) is State.WELL


def test_sizes_are_read_and_told_in_the_same_units() -> None:
    assert [size(text) for text in ("500MB", "1.5 GB", "2TB")] == [500_000_000, 1_500_000_000, 2 * 10**12]
    assert [in_words(free) for free in (999, 4_210_000_000, 3 * 10**12)] == ["999 bytes", "4.2 GB", "3.0 TB"]


@pytest.mark.parametrize(("line", "said"), [
    ("{warn_below: 5G}", "does not look as it should"), ("{warn_below: 10%}", "does not look as it should"),
    ("{warn_below: 1GB, stop_optional_below: 2GB}", "must not be more than"), ("{warn: 1GB}", "is an unknown key")])
def test_a_wrong_size_is_refused_by_its_key(line: str, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        parse(f"switches: {{main: {{user: a, password: b}}}}\ndisk: {line}\n", "phonograph.yaml", {})


def test_the_defaults_warn_before_they_stop() -> None:
    of = Watermarks.of(DiskSettings())
    assert of.warn_below > of.stop_optional_below > 0


class Folders:
    """Two folders whose free bytes a test sets, and what was said of them."""

    def __init__(self) -> None:
        self.free: dict[str, int | None] = {"/spool": 9_000, "/out": 9_000}
        self.stopped = 0
        self.disk = Disk({"spool": Path("/spool"), "destination_path": Path("/out")}, WATERMARKS, clock=FakeClock(),
                         stop_optional=self._stop, free=self._free)

    def _free(self, folder: Path) -> int:
        found = self.free[str(folder)]
        if found is None:
            raise OSError("gone")
        return found

    def _stop(self) -> None:
        self.stopped += 1

    async def look(self, **free: int | None) -> list[str]:
        """Look again; what was logged."""
        self.free.update({f"/{name}": value for name, value in free.items()})
        with capture_logs() as logs:
            await self.disk.look()
        return [str(line.get("fault", line["event"])) for line in logs]


async def test_each_crossing_is_said_once() -> None:
    folders = Folders()
    assert await folders.look() == []
    assert await folders.look(spool=4_000) == ["disk.low"]
    assert await folders.look(spool=3_000) == []
    assert await folders.look(spool=5_200) == []
    assert await folders.look(spool=900) == ["disk.nearly-full"]
    assert await folders.look(spool=9_000) == ["there is room on the disk again"]


async def test_the_worst_folder_decides_and_each_is_told_by_itself() -> None:
    folders = Folders()
    assert await folders.look(spool=4_000, out=900) == ["disk.low", "disk.nearly-full"]
    assert folders.disk.state is State.NEARLY_FULL
    told = folders.disk.health()
    assert {name: one["state"] for name, one in told["folders"].items()} == {
        "spool": "low", "destination_path": "nearly_full"}
    json.dumps(told)


async def test_a_folder_that_cannot_be_looked_at_keeps_its_state_and_says_so() -> None:
    folders = Folders()
    await folders.look(spool=900)
    assert await folders.look(spool=None) == []
    assert folders.disk.nearly_full
    assert folders.disk.health()["folders"]["spool"]["free"] is None


async def test_optional_recordings_are_asked_to_stop_as_long_as_it_is_nearly_full() -> None:
    folders = Folders()
    for spool in (900, 900, 9_000):
        await folders.look(spool=spool)
    assert folders.stopped == 2


async def test_it_is_looked_at_every_ten_seconds(tmp_path: Path) -> None:
    async with Service(tmp_path) as service:
        watching = service.disk.run()
        service.free = 10
        task = asyncio.ensure_future(watching)
        await until(lambda: service.clock._moved)
        service.clock.advance(EVERY_S - 1)
        assert not service.disk.nearly_full
        service.clock.advance(2)
        await until(lambda: service.disk.nearly_full)
        task.cancel()


def test_a_real_file_system_has_free_bytes(tmp_path: Path) -> None:
    assert free_bytes(tmp_path) > 0


def asked(story: Story, verb: Verb) -> Asked:
    return Asked(switch=SWITCH, at=story.at, request="r", verb=verb, target=story.caller.id, actor=ActorKind.OPERATOR)


def only(service: Service, what: Callable[[Call], bool]) -> bool:
    calls = service.driver.calls()
    return bool(calls) and all(what(call) for call in calls)


async def test_an_optional_recording_that_runs_is_stopped_and_says_why(tmp_path: Path) -> None:
    async with Service(tmp_path, policy=OPTIONAL) as service:
        story = Story()
        service.switch.tell(story.up(), *story.dial(), *story.answer())
        await until(lambda: only(service, lambda call: call.decision is not None))
        service.driver.ask(asked(story, Verb.START))
        attach = await service.switch.attached()
        service.switch.tell(story.tap_up(attach))
        await until(lambda: service.driver.health().unwritten == 0)
        service.free = 10
        await service.disk.look()
        detach = await service.switch.detached()
        service.switch.tell(story.tap_down(detach.segment))
        await service.jobs.wait()
        (recording,) = service.saved(attach.call).recordings
        assert (recording.state, recording.reason) == (RecordingState.PROCESSING, "stopped: the disk is nearly full")


async def test_a_recording_that_has_to_be_goes_on_and_a_new_one_starts(tmp_path: Path) -> None:
    async with Service(tmp_path, policy=OPTIONAL) as service:
        service.free = 10
        await service.disk.look()
        story = Story()
        story.caller = replace(
            story.caller, party=replace(story.caller.party, user="carol"))
        service.switch.tell(story.up(), *story.dial(), *story.answer())
        attach = await service.switch.attached()
        service.switch.tell(story.tap_up(attach))
        await until(lambda: service.driver.health().unwritten == 0)
        await service.disk.look()
        await until(lambda: service.driver.health().waiting == 0)
        assert only(service, lambda call: call.recording is not None and not call.stopped)


async def test_the_decision_of_an_optional_call_says_that_the_disk_is_nearly_full(tmp_path: Path) -> None:
    async with Service(tmp_path, policy=OPTIONAL) as service:
        service.free = 10
        await service.disk.look()
        story = Story()
        service.switch.tell(story.up(), *story.dial(), *story.answer())
        await until(lambda: only(service, lambda call: call.decision is not None))
        service.driver.ask(asked(story, Verb.START))
        await until(lambda: only(service, lambda call: call.decision is not None and "nearly full"
                                 in call.decision.reason))
        (call,) = service.driver.calls()
        assert (call.recordings, call.decision and call.decision.record) == ((), False)
