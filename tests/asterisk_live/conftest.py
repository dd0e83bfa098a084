"""Fixtures of the tests on the real Asterisk."""

from collections.abc import AsyncIterator, Iterator
from functools import partial

import pytest
import pytest_asyncio

from tests.asterisk import AsteriskServer
from tests.asterisk_live.dialplans import Dialplan, add, added
from tests.left_over import ended_afterwards


@pytest_asyncio.fixture(autouse=True)
async def nothing_outlives_its_test() -> AsyncIterator[None]:
    """One failure is one failure: whatever a test has started ends with it."""
    async with ended_afterwards():
        yield


@pytest.fixture
def dialplan(asterisk: AsteriskServer) -> Iterator[Dialplan]:
    """Adds lines to the context of the users' calls."""
    with added(asterisk):
        yield partial(add, asterisk)
