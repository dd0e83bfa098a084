"""Telephones that send to each other (`direct_media`): the tap takes the audio back."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.asterisk import AsteriskServer
from tests.phone import Phones
from tests.phonograph import Phonograph
from tests.recorded import EVERYTHING, best_of_three
from tests.whereabouts import SEAM, SOUNDS, Whereabouts, connected, heard, row_of

pytestmark = pytest.mark.asterisk


@pytest_asyncio.fixture
async def service(asterisk: AsteriskServer, tmp_path: Path) -> AsyncIterator[Phonograph]:
    """The product, recording every call."""
    async with Phonograph(asterisk, tmp_path, policy=EVERYTHING) as running:
        yield running


async def test_direct_media_comes_back_for_the_tap(service: Phonograph, phones: Phones) -> None:
    """Phones that send to each other are heard all the same, from the re-INVITE that the tap costs on."""
    grace, heidi = [await phones.user(name, SOUNDS[voice]) for name, voice in (("grace", "alice"), ("heidi", "bob"))]

    async def recorded(calls: int) -> None:
        call, taken = await connected(grace, heidi, "108")
        await heard(call, taken, seconds=3)
        server = {one.sender for one in call.stream.arrivals[-20:]}
        assert taken.stream.address not in server
        await call.hangup()
        found = Whereabouts.of(service, await row_of(service, call, rows=calls))
        assert max(found.lost("callee", taken, heard_by=call), found.lost("caller", call, heard_by=taken)) <= 2 * SEAM

    await best_of_three(recorded)
