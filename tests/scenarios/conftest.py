"""The one table of scenarios: each test here is run on every switch. What a machine lacks shows as not run."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.asterisk import AsteriskServer
from tests.freeswitch import FreeSwitchServer
from tests.left_over import ended_afterwards
from tests.phone import Phones
from tests.phonograph import Json, Phonograph
from tests.rtpengine import Rtpengine

Exchange = AsteriskServer | FreeSwitchServer


@pytest.fixture(params=[pytest.param("asterisk", marks=pytest.mark.asterisk),
                        pytest.param("freeswitch", marks=pytest.mark.freeswitch)])
def exchange(request: pytest.FixtureRequest) -> Exchange:
    """The switch: with the same users, numbers and contexts, whichever it is."""
    server: Exchange = request.getfixturevalue(request.param)
    return server


@pytest_asyncio.fixture
async def phones(exchange: Exchange) -> AsyncIterator[Phones]:
    """Phones around it; afterwards they hang up and sign off."""
    async with Phones(exchange) as around:
        yield around


@pytest.fixture
def everything(exchange: Exchange) -> str:
    """A policy that records every call."""
    trunks = {AsteriskServer: "endpoints: [trunk]", FreeSwitchServer: "contexts: [from-trunk], gateways: [trunk]"}
    return f"recordIncomingPSTN: true\nrecord: audio\ntrunks: {{{trunks[type(exchange)]}}}\n"


@pytest_asyncio.fixture
async def service(exchange: Exchange, everything: str, tmp_path: Path) -> AsyncIterator[Phonograph]:
    """The product, recording every call."""
    async with Phonograph(exchange, tmp_path, policy=everything) as running:
        yield running


@pytest_asyncio.fixture(autouse=True)
async def nothing_outlives_its_test(exchange: Exchange) -> AsyncIterator[None]:
    """One failure is one failure: whatever a test has started ends with it. The exchange was there before."""
    async with ended_afterwards():
        yield


@pytest_asyncio.fixture
async def rtpengine(tmp_path: Path) -> AsyncIterator[Rtpengine]:
    """The relay, where the settings name it."""
    async with Rtpengine("127.0.0.1", tmp_path / "rtpengine.log") as daemon:
        yield daemon


@pytest.fixture(params=["service", "rtpengine"])
def relay(request: pytest.FixtureRequest) -> Json:
    """Settings: the audio goes through the service itself, or through rtpengine."""
    if request.param == "service":
        return {}
    daemon: Rtpengine = request.getfixturevalue("rtpengine")
    return daemon.settings
