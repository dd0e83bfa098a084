"""While a dialplan waits for its decision nothing is written; then it is, and soon in any case."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from recorder.effects import Release
from recorder.events import Held
from service.journal_files import read
from service.precedence import Precedence
from tests.service.fakes import SWITCH, FakeClock, FakeSwitch, Service, Story


class SlowSwitch(FakeSwitch):
    """Takes its time with a release."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()

    async def release(self, effect: Release) -> None:
        await super().release(effect)
        await self.gate.wait()


@pytest.mark.parametrize("inside", [True, False])
async def test_a_waiting_call_goes_on_before_its_row_and_its_journal_are_written(tmp_path: Path, inside: bool) -> None:
    switch = SlowSwitch()
    async with Service(tmp_path, switch=switch) as service:
        story = Story()
        switch.tell(story.up())
        await settled()
        switch.tell(story.leg(story.caller), Held(switch=SWITCH, at=story.at, sequence=50, leg=story.caller.id,
                                                  inside=inside))
        release = await switch.command(Release)
        assert isinstance(release, Release)
        await settled()
        assert service.listed() == []
        service.files.flushed()
        assert not service.files.path(release.call).exists()
        switch.gate.set()
        await settled()
        assert [call.id for call in service.listed()] == [release.call]
        service.files.flushed()
        assert [entry["event"]["type"] for entry in read(service.files.path(release.call)) if "event" in entry]


async def test_a_call_that_is_stuck_holds_nothing_up() -> None:
    clock = FakeClock()
    precedence = Precedence(clock)
    stuck = asyncio.create_task(precedence.first(for_ever()))
    waits = asyncio.create_task(precedence.give_way())
    await asyncio.sleep(0)
    assert not waits.done()
    clock.advance(0.02)
    await waits
    stuck.cancel()


async def test_nobody_waits_for_nothing() -> None:
    await Precedence(FakeClock()).give_way()


async def for_ever() -> None:
    await asyncio.Event().wait()


async def settled() -> None:
    """Let everything happen that waits for nobody."""
    for _ in range(20):
        await asyncio.sleep(0.005)
