"""A beep or a sound on a tapped leg while somebody else comes to it: on Asterisk a tap has to be made anew then."""

import asyncio
from pathlib import Path

import pytest

from tests.announcing import CHIME, EVERY_2, announcing, beeps, put_sound, told
from tests.asterisk import AsteriskServer
from tests.hearing import tones
from tests.pausing import until_tone
from tests.phone import Phones
from tests.recorded import BOB, TRUNK
from tests.whereabouts import SOUNDS, Whereabouts, heard, row_of
from tests.whereabouts import connected as talking

pytestmark = pytest.mark.asterisk


async def test_a_beep_does_not_keep_the_tap_from_hearing_the_next_party(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    """Asterisk takes packets whose numbers are lower than those of the party before for late ones, on a leg that any
    snoop has held on to: it befell some two calls of five."""
    trunk = await phones.trunk(TRUNK)
    bob, carol = await phones.user("bob", BOB), await phones.user("carol", SOUNDS["carol"])
    bob.first_packet, carol.first_packet = 40000, 30000
    async with announcing(asterisk, tmp_path, EVERY_2) as service:
        for calls in (1, 2, 3):
            call, taken = await talking(trunk, bob, "102")
            await asyncio.sleep(0.8)
            assert await taken.refer("103") == 200
            then = await carol.next_call()
            await heard(call, then, seconds=1)
            await call.hangup()
            found = Whereabouts.of(service, await row_of(service, call, rows=calls))
            assert found.speakers("callee", taken, then) == ["bob", "carol"]
            assert beeps(taken)
            assert beeps(then)


async def test_a_sound_that_a_transfer_comes_into_is_cut_short_and_said_again(
        asterisk: AsteriskServer, phones: Phones, tmp_path: Path) -> None:
    put_sound(asterisk, "long", seconds=3.0)
    trunk = await phones.trunk(TRUNK)
    bob, carol = await phones.user("bob", BOB), await phones.user("carol", SOUNDS["carol"])
    bob.first_packet, carol.first_packet = 40000, 30000
    async with announcing(asterisk, tmp_path, "{sound: custom/long}") as service:
        call, taken = await talking(trunk, bob, "102")
        await until_tone(call, CHIME)
        await asyncio.sleep(1)  # so that there is something of Bob's to be known by
        transferring = asyncio.create_task(taken.refer("103"))
        then = await carol.next_call()
        assert await transferring == 200
        await heard(call, then, seconds=5)
        await call.hangup()
        row = await row_of(service, call, rows=1)
        assert Whereabouts.of(service, row).speakers("callee", taken, then) == ["bob", "carol"]

    assert [one["state"] for one in told(row)] == ["failed", "done"]
    assert "carol" in told(row)[-1]["parties"]
    for phone in (call, then):
        assert sum(last - first > 2.5 for first, last in tones(phone.stream.heard(), CHIME)) == 1
