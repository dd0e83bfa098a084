"""Fixtures of the tests on a real FreeSWITCH; those of the same name as on Asterisk do the same."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.freeswitch import FreeSwitchServer
from tests.freeswitch_live.receivers import Driven, Receivers, driven
from tests.left_over import ended_afterwards
from tests.phone import Phones
from tests.phonograph import Phonograph

EVERYTHING = "recordIncomingPSTN: true\nrecord: audio\ntrunks: {contexts: [from-trunk], gateways: [trunk]}\n"
"""A policy that records every call."""


@pytest_asyncio.fixture
async def service(freeswitch: FreeSwitchServer, tmp_path: Path) -> AsyncIterator[Phonograph]:
    """The product, recording every call."""
    async with Phonograph(freeswitch, tmp_path, policy=EVERYTHING) as running:
        yield running


@pytest_asyncio.fixture
async def phones(freeswitch: FreeSwitchServer) -> AsyncIterator[Phones]:
    """Phones around the FreeSWITCH; afterwards they hang up and sign off."""
    async with Phones(freeswitch) as around:
        yield around


@pytest_asyncio.fixture
async def switch(freeswitch: FreeSwitchServer) -> AsyncIterator[Driven]:
    """The FreeSWITCH as the driver has it."""
    async with driven(freeswitch) as running:
        yield running


@pytest_asyncio.fixture
async def receivers() -> AsyncIterator[Receivers]:
    """Who receives the audio of a tap."""
    async with Receivers() as listening:
        yield listening


@pytest_asyncio.fixture(autouse=True)
async def nothing_outlives_its_test() -> AsyncIterator[None]:
    """One failure is one failure: whatever a test has started ends with it."""
    async with ended_afterwards():
        yield
