from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger import Ledger
from tests.postgres import PostgresServer
from tests.rabbitmq import RabbitServer
from tests.workers import Site


@pytest.fixture
def site(tmp_path: Path, postgres: PostgresServer, rabbitmq: RabbitServer) -> Site:
    """A machine with a ledger and a virtual host of its own; leases are short."""
    return Site(tmp_path / "site", postgres.database(), rabbitmq.virtual_host(), more={"jobs": {"lease": 2.0}})


@pytest.fixture
def ledger(site: Site) -> Iterator[Ledger]:
    opened = Ledger.open(site.ledger)
    yield opened
    opened.close()
