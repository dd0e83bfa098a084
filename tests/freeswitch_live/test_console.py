"""``fs_cli -x "recorder .."`` on a real FreeSWITCH, with Phonograph and after it has gone."""

import asyncio
from pathlib import Path

import pytest

from tests.freeswitch import FreeSwitchServer
from tests.freeswitch_live.channels import legs
from tests.freeswitch_live.test_dialplan import fs_cli
from tests.freeswitch_live.test_keys import POLICY, recorded, so, talking
from tests.phone import Phones
from tests.phonograph import Phonograph

pytestmark = pytest.mark.freeswitch

NOBODY = "99999999-2222-3333-4444-555555555555"


@pytest.fixture(autouse=True)
def alias(freeswitch: FreeSwitchServer) -> None:
    freeswitch.fs_cli("alias stickyadd recorder lua recorder.lua")


async def test_every_verb_does_what_it_says_and_the_table_shows_it(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(freeswitch, tmp_path, policy=POLICY) as service:
        call, _ = await talking(phones, "dave", "102")
        await so(service, lambda row: row["state"] == "answered" and not row["recordings"], "is recorded unasked")
        for leg in await legs(freeswitch, 2):  # either side names the call
            assert (await fs_cli(freeswitch, f"recorder start {leg}")).startswith("+OK")
            await so(service, recorded, "does not record")
            await shows(freeswitch, " recording ")
            assert (await fs_cli(freeswitch, f"recorder pause {leg} reason=card owner=desk")).startswith("+OK")
            assert not recorded((await service.calls())[0])
            await shows(freeswitch, "paused by desk")
            assert (await fs_cli(freeswitch, f"recorder resume {leg} owner=desk")).startswith("+OK")
            await so(service, recorded, "does not go on")
            assert (await fs_cli(freeswitch, f"recorder stop {leg}")).startswith("+OK")
            await so(service, lambda row: not recorded(row), "does not stop")
        await call.hangup()
        (row,) = await service.closed(1)
        assert [pause["reason"] for pause in row["pauses"]] == ["card", "card"]


async def shows(server: FreeSwitchServer, word: str) -> None:
    """Until `recorder status` has it: the table is told a moment after a change."""
    async with asyncio.timeout(15):
        while word not in (await fs_cli(server, "recorder status")).lower():
            pass


async def test_what_may_not_be_is_refused_with_the_reason(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path) -> None:
    async with Phonograph(freeswitch, tmp_path, policy=POLICY) as service:
        await talking(phones, "alice", "102")
        await so(service, recorded, "does not record")
        (leg, _) = await legs(freeswitch, 2)
        for words, why in ((f"start {leg}", "recorded already"), (f"resume {leg}", "holds no pause here"),
                           (f"pause {NOBODY}", "no call or leg of that name is in progress"),
                           (f"stop {NOBODY}", "no call or leg of that name is in progress"),
                           (f"pause {leg} owner=1234567", "an owner is")):
            told = await fs_cli(freeswitch, f"recorder {words}")
            assert told.startswith("-ERR recorder: refused: "), (words, told)
            assert why in told, (words, told)
        assert recorded((await service.calls())[0])


async def test_when_phonograph_is_gone_every_verb_says_so_and_no_recording_is_touched(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path) -> None:
    service = Phonograph(freeswitch, tmp_path, policy=POLICY)
    await service.start()
    call, taken = await talking(phones, "alice", "102")
    await so(service, recorded, "does not record")
    (leg, _) = await legs(freeswitch, 2)
    await service.kill()
    for words in (f"start {leg}", f"pause {leg}", f"resume {leg}", f"stop {leg}", "status"):
        assert await fs_cli(freeswitch, f"recorder {words}") == "-ERR recorder: no answer"
    assert "/phonograph/" in freeswitch.cli(f"uuid_buglist {leg}")
    assert (call.ended_at, taken.ended_at) == (None, None)
