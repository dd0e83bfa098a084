"""What should be in stores of other machines, against what is there."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from faults import NotFound, StorageUnreachable
from ledger import Ledger, artefacts
from processing.stores.choice import Stores
from service import stored
from tests.ledger.examples import BEGAN, open_ledger
from tests.ledger.test_artefacts import FILES, SWITCHES, finished


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path)
    yield opened
    opened.close()


class Archive:
    """A store that has files of some names, or does not answer."""

    name = "archive"

    def __init__(self, names: Collection[str] = (), *, down: bool = False) -> None:
        self._names, self._down = names, down
        self.asked: list[str] = []

    def open(self, name: str) -> io.BytesIO:
        self.asked.append(name)
        if self._down:
            raise StorageUnreachable("It is down.")
        if name not in self._names:
            raise NotFound("Gone.")
        return io.BytesIO()


def found(ledger: Ledger, archive: Any) -> list[tuple[str, str]]:
    return [(one.kind, one.what) for one in stored.examine(ledger, Stores.of(archive), since=BEGAN, until=BEGAN + 60)]


def test_what_is_there_is_no_news(ledger: Ledger) -> None:
    finished(ledger)
    assert found(ledger, Archive({str(file["name"]) for file in FILES.values()})) == []


def test_a_file_that_is_gone_is_told(ledger: Ledger) -> None:
    recording = finished(ledger)
    assert found(ledger, Archive({"2026/mixed"})) == [("no_file", recording)]


def test_a_store_that_does_not_answer_is_told_once_and_asked_once(ledger: Ledger) -> None:
    finished(ledger)
    archive = Archive(down=True)
    assert found(ledger, archive) == [("no_store", "archive")]
    assert len(archive.asked) == 1


def test_what_has_expired_and_is_still_there_is_told(ledger: Ledger) -> None:
    recording = finished(ledger)
    with ledger.transaction() as connection:
        artefacts.expire(connection, BEGAN + 500, SWITCHES, BEGAN + 2000, limit=10)
    assert found(ledger, Archive()) == [("not_deleted", recording)] * 2
