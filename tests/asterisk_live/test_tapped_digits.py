"""What a party presses while it is tapped for a recording server: it never comes to the tap's ports."""

import asyncio

import pytest

from tests.asterisk import AsteriskServer
from tests.asterisk_live.driven import following
from tests.asterisk_live.test_server_taps import talking, unbroken
from tests.phone import Phones
from tests.rtp_receiver import listening

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(90)]


async def test_the_digits_that_a_party_presses_do_not_arrive(asterisk: AsteriskServer, phones: Phones) -> None:
    async with following(asterisk) as (switch, told), listening() as ports:
        talk = await talking(phones, switch, told)
        segment = await talk.tap(ports)
        await asyncio.sleep(0.5)
        await talk.call.dial("4929")
        await talk.taken.dial("1781")
        await asyncio.sleep(0.5)
        await talk.end(segment)
        await talk.hang_up()
    assert (talk.taken.digits, talk.call.digits) == ("4929", "1781")
    assert all(unbroken(port) and len(port.arrivals) > 50 for port in ports.values())
