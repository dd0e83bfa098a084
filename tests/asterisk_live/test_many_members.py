"""A conference of thirty: a key of one of them ends every tap, with Phonograph alive and with it dead."""

import asyncio
from pathlib import Path

import pytest

from tests.asterisk import AsteriskServer
from tests.meeting import channels, conference_of, running
from tests.phone import Call, Phones
from tests.phonograph import Phonograph
from tests.recorded import EVERYTHING
from tests.servers import USERS

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

MEMBERS = 30


async def thirty(phones: Phones, room: str) -> list[Call]:
    """Members of the conference 80xx; the first one has the keys of 84xx. They say nothing."""
    users = [await phones.user(name) for name in USERS[:6]]
    for user in users:
        user.keep = False
    calls = [users[0].call(f"84{room}")]
    await calls[0].answered
    for number in range(1, MEMBERS):
        calls.append(users[number % len(users)].call(f"80{room}"))
        await calls[-1].answered
    return calls


async def taps(asterisk: AsteriskServer, conference: str) -> int:
    """How many channels listen to the conference, or to whom it consists of: no other test has any now."""
    assert conference in await asyncio.to_thread(asterisk.cli, "confbridge list")
    return await asyncio.to_thread(lambda: channels(asterisk, "Snoop/") + channels(asterisk, "Local/s@recorder-member"))


async def until_none(asterisk: AsteriskServer, conference: str) -> None:
    """Until nothing listens any more; the console has no events."""
    async with asyncio.timeout(30):
        while await taps(asterisk, conference):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_key_pauses_a_conference_of_thirty_and_resumes_it(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        calls = await thirty(phones, "40")
        await running(service, MEMBERS + 1)
        await calls[0].dial("*71")
        await until_none(asterisk, "8040")
        await calls[0].dial("*72")
        await running(service, MEMBERS + 1)
        await asyncio.gather(*(call.hangup() for call in calls))
        row = await conference_of(service, rows=MEMBERS + 1)
    assert row["outcome"] == "recorded"
    assert len(row["recordings"][0]["segments"]) == 2 * (MEMBERS + 1)


async def test_a_key_ends_all_taps_of_a_conference_of_thirty_while_phonograph_is_dead(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    service = Phonograph(asterisk, tmp_path, policy=EVERYTHING)
    await service.start()
    calls = await thirty(phones, "41")
    await running(service, MEMBERS + 1)
    await service.kill()
    assert await taps(asterisk, "8041") == MEMBERS + 2
    await calls[0].dial("*71")
    await until_none(asterisk, "8041")
    assert all(call.ended_at is None for call in calls)
