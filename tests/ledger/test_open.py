"""Opening the database: made once, for its owner alone, and never by an older version than made it."""

from __future__ import annotations

import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from faults import LedgerAddressInvalid, LedgerSchemaUnknown, LedgerUnavailable
from ledger import Ledger, calls
from ledger.tables import metadata
from tests.ledger.examples import call, open_ledger
from tests.postgres import PostgresServer
from tests.servers import free_port


def test_migrations_make_exactly_the_tables_that_the_code_uses(ledger: Ledger) -> None:
    with ledger.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_only_the_owner_may_read_the_files(tmp_path: Path) -> None:
    with closing(open_ledger(tmp_path)) as ledger, ledger.transaction() as connection:
        calls.save(connection, [call()], 1.0)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert set(modes) == {"ledger.db", "ledger.db-wal", "ledger.db-shm"}
    assert set(modes.values()) == {0o600}


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").touch(0o644)
    open_ledger(tmp_path).close()
    assert stat.S_IMODE((tmp_path / "ledger.db").stat().st_mode) == 0o600


def test_a_second_opening_finds_what_the_first_wrote(database: str) -> None:
    first = Ledger.open(database)
    with first.transaction() as connection:
        calls.save(connection, [call()], 1.0)
    first.close()
    second = Ledger.open(database)
    with second.reading() as connection:
        assert calls.load(connection, call().id) == call()
    second.close()


def test_a_newer_ledger_is_refused_and_not_touched(database: str) -> None:
    with closing(Ledger.open(database)) as ledger, ledger.transaction() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerSchemaUnknown):
        Ledger.open(database)


def test_services_that_open_an_empty_ledger_at_once_all_can(postgres: PostgresServer) -> None:
    database = postgres.database()
    with ThreadPoolExecutor(4) as threads:
        for ledger in threads.map(Ledger.open, [database] * 4):
            ledger.close()


def test_a_server_that_is_not_there_is_said() -> None:
    with pytest.raises(LedgerUnavailable, match="refused"):
        Ledger.open(f"postgresql+psycopg://nobody@127.0.0.1:{free_port(socket.SOCK_STREAM)}/none")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(LedgerUnavailable):
        open_ledger(tmp_path)
    assert (tmp_path / "ledger.db").read_bytes().startswith(b"not a database")


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable, match="No such file"):
        Ledger.open(tmp_path / "nowhere" / "ledger.db")


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(LedgerAddressInvalid):
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


def test_a_reader_sees_one_moment(ledger: Ledger) -> None:
    with ledger.reading() as reader:
        assert calls.open_calls(reader, "pbx", since=0) == []
        with ledger.transaction() as writer:
            calls.save(writer, [call()], 1.0)
        assert calls.open_calls(reader, "pbx", since=0) == []


def test_a_name_with_a_nul_in_it_is_no_reason_to_refuse_a_call(ledger: Ledger) -> None:
    with ledger.transaction() as connection:
        calls.save(connection, [call(caller="al\0ice")], 1.0)
    with ledger.reading() as connection:
        assert calls.load(connection, call().id).legs[0].party.user == "al\0ice"


def test_a_row_that_belongs_to_nothing_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerUnavailable, match=r"(?i)foreign key"), ledger.transaction() as connection:
        connection.execute(text("INSERT INTO recording_states (recording, state, at) VALUES ('none', 'ready', 1)"))


def test_a_fault_of_the_database_does_not_tell_the_values(ledger: Ledger) -> None:
    with pytest.raises(LedgerUnavailable) as caught, ledger.transaction() as connection:
        connection.execute(text("INSERT INTO recording_states (recording, state, at) VALUES (:number, 'ready', 1)"),
                           {"number": "0171 5550199"})
    assert "5550199" not in f"{caught.value} {caught.value.__cause__} {caught.value.as_dict()}"
