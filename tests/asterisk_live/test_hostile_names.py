"""Callers from outside who choose what stands in names: of a conference, of a channel, in a row."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from ari_app.conference import can_be_joined
from tests.asterisk import AsteriskServer
from tests.meeting import conference_of
from tests.phone import Phones
from tests.phonograph import Phonograph
from tests.recorded import ALICE, BOB, EVERYTHING

pytestmark = pytest.mark.asterisk

CHOSEN = ["../../x", "${GLOBAL(RECORDER_STATUS)}", "a|b&d"]


@pytest.fixture
def dialplan(asterisk: AsteriskServer) -> Iterator[None]:
    """The outside names a conference by the number that it calls from, and reaches users through a Local channel."""
    file = asterisk.folder / "conf" / "extensions.conf"
    before = file.read_text()
    file.write_text(before + "\n[from-trunk](+)\nexten => 350,1,Answer()\n same => n,ConfBridge(${CALLERID(num)})\n"
                    "exten => 351,1,Dial(Local/${CALLERID(num)}@chosen/n,20)\n[chosen]\n"
                    "exten => _.,1,Dial(PJSIP/bob,20)\n")
    asterisk.cli("dialplan reload")
    yield
    file.write_text(before)
    asterisk.cli("dialplan reload")


@pytest.mark.parametrize("name", CHOSEN)
async def test_a_conference_that_a_caller_named_is_recorded_under_that_name_and_nowhere_else(
        asterisk: AsteriskServer, phones: Phones, dialplan: None, tmp_path: Path, name: str) -> None:
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        outside = await phones.trunk(ALICE)
        calls = [outside.call("350", caller=quote(name, safe="")) for _ in range(2)]
        for call in calls:
            await call.answered
        await asyncio.sleep(3)
        for call in calls:
            await call.hangup()
        row = await conference_of(service, rows=2)
        (recording,) = row["recordings"]
        manifest = service.manifest(recording)
        assert manifest["conference"] == name
        assert {party["number"] for party in manifest["parties"]} == {name}
        heard = any(one["state"] == "down" for one in recording["segments"] if one["side"] == "mix")
        assert heard == can_be_joined(name)


@pytest.mark.parametrize("name", ["a(b)c", "$[1]{z}", "x'y)"])
async def test_a_number_in_a_channels_name_neither_hides_the_call_nor_steers_it(
        asterisk: AsteriskServer, phones: Phones, dialplan: None, tmp_path: Path, name: str) -> None:
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as service:
        outside, bob = await phones.trunk(ALICE), await phones.user("bob", BOB)
        call = outside.call("351", caller=quote(name, safe=""))
        await bob.next_call()
        await call.answered
        await asyncio.sleep(1.5)
        await call.hangup()
        (row,) = await service.closed(1)
        assert (row["outcome"], row["pauses"], row["orders"]) == ("recorded", [], [])
        assert row["recordings"][0]["state"] == "ready"
        assert any(leg["party"] == "bob@sales.example" for leg in row["legs"])
