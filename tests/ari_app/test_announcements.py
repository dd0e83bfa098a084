"""An announcement's snoop: that it is ended is no proof that it is gone."""

import asyncio
from itertools import count

import pytest

from ari_app.announcements import Announcements, Whisper
from ari_app.leaving import Leaving
from ari_app.names import announcement_channel
from faults import SwitchOperationFailed
from recorder.effects import Hush
from recorder.events import Announced

ANNOUNCEMENT = "62845b84-d9ed-5784-808f-185821b7f8c1.a0"
HUSH = Hush(call="c", announcement=ANNOUNCEMENT, leg="1.0")


class Asterisk:
    """Takes the operations down in order. `there`: whether it has the snoop that is to be deleted."""

    def __init__(self, *, there: bool = True) -> None:
        self.there = there
        self.done: list[str] = []
        self.told: list[Announced] = []
        self.leaving = Leaving()
        self.announcements = Announcements("main", self, self.leaving, tell=self.told.append,
                                           sequence=count(1).__next__, clock=lambda: 5.0)

    async def whisper(self, leg: str, snoop: str, whisper: Whisper) -> None:
        self.done.append(f"whisper {leg}")

    async def play(self, snoop: str, media: str) -> None:
        self.done.append(f"play {media}")

    async def delete(self, snoop: str) -> None:
        if not self.there:
            raise SwitchOperationFailed("Asterisk answered 404: Channel not found", status=404)
        self.done.append(f"delete {snoop}")


async def waits(asterisk: Asterisk, leg: str) -> bool:
    """Whether a tap of that leg has to wait."""
    left = asyncio.create_task(asterisk.leaving.left(leg))
    for _ in range(5):
        await asyncio.sleep(0)
    waiting = not left.done()
    left.cancel()
    return waiting


async def test_a_tap_of_the_leg_waits_until_the_snoop_is_gone() -> None:
    asterisk = Asterisk()
    await asterisk.announcements.hush(HUSH)
    assert asterisk.done == [f"delete {announcement_channel(ANNOUNCEMENT)}"]
    assert await waits(asterisk, "1.0")
    assert not await waits(asterisk, "another leg")
    asterisk.leaving.gone(announcement_channel(ANNOUNCEMENT))
    assert not await waits(asterisk, "1.0")


@pytest.mark.parametrize("hush", [HUSH, Hush(call="", announcement=ANNOUNCEMENT)])
async def test_nobody_waits_for_a_snoop_that_is_not_there(hush: Hush) -> None:
    asterisk = Asterisk(there=False)
    await asterisk.announcements.hush(hush)
    assert not await waits(asterisk, "1.0")


async def test_a_snoop_whose_end_is_never_told_is_waited_for_once_and_not_long() -> None:
    asterisk = Asterisk()
    await asterisk.announcements.hush(HUSH)
    async with asyncio.timeout(5):
        await asterisk.leaving.left("1.0")
    assert not await waits(asterisk, "1.0")
