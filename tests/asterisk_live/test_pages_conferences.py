"""What the page about conferences has an administrator write into the dialplan. The profiles and the menu that it names
are those that this exchange runs with (tests/test_docs.py)."""

import asyncio
from pathlib import Path

import pytest

from tests.asterisk import AsteriskServer
from tests.asterisk_live.dialplans import Dialplan
from tests.asterisk_live.pages import blocks
from tests.meeting import conference_of, meet, running
from tests.phone import Phones
from tests.phonograph import Phonograph, settings

pytestmark = pytest.mark.asterisk

WITH_KEYS, RECORDED_BY_ITSELF = blocks("conferences.md", "dialplan")


async def test_a_conference_that_confbridge_records_as_the_page_says_is_taken_over(
        asterisk: AsteriskServer, phones: Phones, dialplan: Dialplan, tmp_path: Path) -> None:
    dialplan(f"exten => 8905,1,Answer()\n{RECORDED_BY_ITSELF}")
    switch = {**settings(asterisk, tmp_path)["switches"]["main"], "audio_path": str(asterisk.spool / "monitor")}
    async with Phonograph(asterisk, tmp_path, policy="record: none\n", switches={"main": switch}) as service:
        calls = await meet(phones, "8905", "8905")
        await asyncio.sleep(2)
        for call in calls.values():
            await call.hangup()
        row = await conference_of(service, rows=3)
        assert [one["state"] for one in row["recordings"]] == ["ready"]
    assert not list((asterisk.spool / "monitor").glob("*8905*"))


async def test_the_pages_menu_has_keys_that_pause_and_resume(
        asterisk: AsteriskServer, phones: Phones, dialplan: Dialplan, tmp_path: Path) -> None:
    dialplan(f"exten => 8906,1,Answer()\n{WITH_KEYS}")
    async with Phonograph(asterisk, tmp_path, policy="record: all\n") as service:
        calls = await meet(phones, "8906", "8906")
        await running(service, 3)
        for keys, taps in (("*71", 0), ("*72", 3)):
            await calls["alice"].dial(keys)
            await running(service, taps)
        for call in calls.values():
            await call.hangup()
        row = await conference_of(service, rows=3)
        assert [(pause["owner"], pause["actor"]) for pause in row["pauses"]] == [("agent", "party")]
        assert [one["state"] for one in row["recordings"]] == ["ready"]
