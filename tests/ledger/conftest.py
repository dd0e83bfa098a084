from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger import Ledger
from tests.postgres import PostgresServer


@pytest.fixture
def database(database_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """Where an empty ledger is opened: a file's path, or a database's URL."""
    if database_kind == "sqlite":
        return str(tmp_path / "ledger.db")
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Which database it is: each test runs on both."""
    kind: str = request.param
    return kind


@pytest.fixture
def ledger(database: str) -> Iterator[Ledger]:
    opened = Ledger.open(database)
    yield opened
    opened.close()
