"""Fixtures that more than one suite uses: the real Asterisk, and phones around it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.asterisk import AsteriskServer
from tests.pair import pair
from tests.phone import Phones

__all__ = ["asterisk", "pair", "phones"]


@pytest.fixture(scope="session")
def asterisk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AsteriskServer]:
    """One Asterisk for the whole run. Where there is none the test fails and says what to do."""
    folder: Path = tmp_path_factory.mktemp("asterisk")
    with AsteriskServer(folder) as server:
        yield server


@pytest_asyncio.fixture
async def phones(asterisk: AsteriskServer) -> AsyncIterator[Phones]:
    """Phones around that Asterisk; afterwards they hang up and sign off."""
    async with Phones(asterisk) as around:
        yield around
