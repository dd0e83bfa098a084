"""Fixtures that more than one suite uses: the real Asterisk and phones around it, the real FreeSWITCH, PostgreSQL,
RabbitMQ and SeaweedFS."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.asterisk import AsteriskServer
from tests.freeswitch import FreeSwitchFault, FreeSwitchServer, find_installation
from tests.pair import pair
from tests.parity import Parity
from tests.phone import Phones
from tests.postgres import PostgresServer
from tests.rabbitmq import RabbitServer
from tests.seaweed import SeaweedServer

__all__ = ["asterisk", "freeswitch", "pair", "phones", "postgres", "rabbitmq", "seaweed"]

pytest.register_assert_rewrite("tests.scenarios")


def pytest_configure(config: pytest.Config) -> None:
    """The table of both switches at the end of a run."""
    config.pluginmanager.register(Parity(), "parity")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What needs a FreeSWITCH says that it was not run where there is none, and how to get one."""
    if item.get_closest_marker("freeswitch") is None:
        return
    try:
        find_installation()
    except FreeSwitchFault as missing:
        pytest.skip(str(missing))


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


@pytest.fixture(scope="session")
def freeswitch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FreeSwitchServer]:
    """One FreeSWITCH for the whole run; for tests with the marker `freeswitch`."""
    with FreeSwitchServer(tmp_path_factory.mktemp("freeswitch")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL for the whole run; each test makes a database of its own in it."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitServer]:
    """One RabbitMQ for the whole run; each test takes a virtual host of its own in it."""
    with RabbitServer() as server:
        yield server


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedServer]:
    """One S3 server for the whole run, started by the first test that needs it."""
    with SeaweedServer(tmp_path_factory.mktemp("seaweed")) as server:
        yield server
