"""Opening the database: made once, for its owner alone, and never by an older version than made it."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import suppress
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from faults import LedgerSchemaUnknown, LedgerUnavailable
from ledger import Ledger, calls
from ledger.tables import metadata
from tests.ledger.examples import call, open_ledger


def test_migrations_make_exactly_the_tables_that_the_code_uses(ledger: Ledger) -> None:
    with ledger.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_only_the_owner_may_read_the_files(ledger: Ledger, tmp_path: Path) -> None:
    with ledger.transaction() as connection:
        calls.save(connection, [call()], 1.0)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert set(modes) == {"ledger.db", "ledger.db-wal", "ledger.db-shm"}
    assert set(modes.values()) == {0o600}


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").touch(0o644)
    open_ledger(tmp_path).close()
    assert stat.S_IMODE((tmp_path / "ledger.db").stat().st_mode) == 0o600


def test_a_second_opening_finds_what_the_first_wrote(tmp_path: Path) -> None:
    first = open_ledger(tmp_path)
    with first.transaction() as connection:
        calls.save(connection, [call()], 1.0)
    first.close()
    second = open_ledger(tmp_path)
    with second.reading() as connection:
        assert calls.load(connection, call().id) == call()
    second.close()


def test_a_newer_ledger_is_refused_and_not_touched(tmp_path: Path) -> None:
    open_ledger(tmp_path).close()
    with sqlite3.connect(tmp_path / "ledger.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    with pytest.raises(LedgerSchemaUnknown):
        open_ledger(tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(LedgerUnavailable):
        open_ledger(tmp_path)
    assert (tmp_path / "ledger.db").read_bytes().startswith(b"not a database")


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable, match="No such file"):
        Ledger.open(tmp_path / "nowhere" / "ledger.db")


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(LedgerUnavailable):
        Ledger.open("what://:://")


def _save_and_fail(ledger: Ledger) -> None:
    with suppress(ZeroDivisionError), ledger.transaction() as connection:
        calls.save(connection, [call()], 1.0)
        raise ZeroDivisionError


def test_an_exception_rolls_everything_back(ledger: Ledger) -> None:
    _save_and_fail(ledger)
    with ledger.reading() as connection:
        assert calls.open_calls(connection, "pbx", since=0) == []


def test_what_was_rolled_back_is_written_by_the_next_save(ledger: Ledger) -> None:
    _save_and_fail(ledger)
    with ledger.transaction() as connection:
        calls.save(connection, [call()], 1.0)
    with ledger.reading() as connection:
        assert calls.open_calls(connection, "pbx", since=0) == [call()]


def test_a_reader_does_not_wait_for_a_writer(ledger: Ledger) -> None:
    with ledger.transaction() as writer:
        calls.save(writer, [call()], 1.0)
        with ledger.reading() as reader:
            assert calls.open_calls(reader, "pbx", since=0) == []


def test_a_row_that_belongs_to_nothing_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerUnavailable, match="FOREIGN KEY"), ledger.transaction() as connection:
        connection.execute(text("INSERT INTO notices (recording, state, created) VALUES ('none', 'ready', 1)"))


def test_a_fault_of_the_database_does_not_tell_the_values(ledger: Ledger) -> None:
    with pytest.raises(LedgerUnavailable) as caught, ledger.transaction() as connection:
        connection.execute(text("INSERT INTO notices (recording, state, created) VALUES (:number, 'ready', 1)"),
                           {"number": "0171 5550199"})
    assert "5550199" not in f"{caught.value} {caught.value.__cause__} {caught.value.as_dict()}"
