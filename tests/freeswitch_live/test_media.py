"""Media that FreeSWITCH does not read: the call is not recorded, its row says why; what comes back is recorded."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.freeswitch import FreeSwitchServer
from tests.phone import Phones
from tests.phonograph import Json, Phonograph
from tests.sounds import RATE
from tests.whereabouts import SEAM, SOUNDS, Whereabouts, connected, heard, row_of

pytestmark = pytest.mark.freeswitch

AFTER = """<include>
  <extension name="past-us-after-the-answer"><condition field="destination_number" expression="^6207$">
    <action application="set" data="bypass_media_after_bridge=true"/>
    <action application="set" data="hangup_after_bridge=true"/>
    <action application="bridge" data="user/grace@127.0.0.1"/>
  </condition></extension>
</include>
"""


@pytest.fixture
def after(freeswitch: FreeSwitchServer) -> Iterator[None]:
    """Grace is at 6207 too, and there the media go past FreeSWITCH only once she has answered."""
    file = freeswitch.conf / "dialplan" / "shared" / "0-after.xml"
    file.write_text(AFTER)
    freeswitch.cli("reloadxml")
    yield
    file.unlink()
    freeswitch.cli("reloadxml")


async def channel(service: Phonograph, row: Json) -> str:
    """The caller's, which the switch's commands want."""
    return str((await service.get(f"/calls/{row['id']}"))["legs"][0]["id"])


@pytest.mark.usefixtures("after")
@pytest.mark.parametrize(("number", "callee", "past"), [
    ("107", "grace", True), ("6207", "grace", True), ("6102", "bob", False)])
async def test_what_is_not_read_is_not_recorded_and_the_row_says_why(
        service: Phonograph, phones: Phones, number: str, callee: str, past: bool) -> None:
    trunk, phone = await phones.trunk(SOUNDS["trunk"]), await phones.user(callee, SOUNDS["bob"])
    call, taken = await connected(trunk, phone, number)
    await heard(call, taken, seconds=2)
    assert (call.stream.arrivals[-1].sender == taken.stream.address) is past
    await call.hangup()
    # One after the other: two BYEs that cross are answered after five seconds here.
    await taken.ended
    (row,) = await service.closed(1)
    why = "bypass_media" if past else "proxy_media"
    assert (row["outcome"], row["rule"], row["recordings"]) == ("not_wanted", "obstacle", [])
    assert why in row["reason"]
    status, story = await service.cli("explain", row["id"])
    assert status == 0
    assert "cannot be recorded because" in story
    assert f"({why})" in story


async def test_media_that_come_back_are_recorded_from_then_on(
        freeswitch: FreeSwitchServer, service: Phonograph, phones: Phones) -> None:
    """`uuid_media` brings them back, and sends them past FreeSWITCH again: from there on something is missing."""
    trunk, grace = await phones.trunk(SOUNDS["trunk"]), await phones.user("grace", SOUNDS["bob"])
    call, taken = await connected(trunk, grace, "107")
    await heard(call, taken, seconds=1)
    (row,) = await service.calls()
    leg = await channel(service, row)
    await asyncio.to_thread(freeswitch.cli, f"uuid_media {leg}")

    async def recorded() -> bool:
        return any(recording["started"] for one in await service.calls() for recording in one["recordings"])

    await service.until(recorded, "does not record what has come back")
    await heard(call, taken, seconds=3)
    assert call.stream.arrivals[-1].sender != taken.stream.address
    await asyncio.to_thread(freeswitch.cli, f"uuid_media off {leg}")
    await heard(call, taken, seconds=2)
    assert call.stream.arrivals[-1].sender == taken.stream.address
    await call.hangup()
    await taken.ended
    row = await row_of(service, call, rows=1)
    assert row["outcome"] == "recorded"
    assert row["recordings"][0]["state"] == "incomplete"
    assert "The media went past the switch" in row["recordings"][0]["reason"]
    found = Whereabouts.of(service, row)
    for track, one in (("caller", call), ("callee", taken)):
        assert found.speakers(track, call, taken) == [one.phone.name]
        kept = sum(stretch.last - stretch.first for stretch in found.stretches(track, one)) / RATE
        assert 3 - SEAM < kept < 5
