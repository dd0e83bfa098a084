"""Opening the database: its file, its settings, its migrations, and transactions that say our faults."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Self

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from faults import LedgerSchemaUnknown, LedgerUnavailable
from recorder.model import Call

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_MS = 10_000

_READING = "phonograph_reading"
_SAVED = "phonograph_saved_calls"


class Ledger:
    """The database, open.

    Any thread may use it. On SQLite one transaction writes at a time: threads of one process wait for a lock, other
    processes up to ``BUSY_MS``. A commit is on the disk when it returns (WAL, synchronous=FULL).
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._alone = engine.dialect.name == "sqlite"
        self._writing = threading.Lock() if self._alone else nullcontext()
        self._writer: Connection | None = None
        self._saved: dict[str, Call] = {}

    @classmethod
    def open(cls, where: str | Path) -> Self:
        """Open the database, making it (mode 0600) and bringing its tables up to date where needed.

        Args:
            where: the path of an SQLite file, or an SQLAlchemy URL (``postgresql+psycopg://..``).

        Raises:
            LedgerUnavailable: it cannot be opened or written.
            LedgerSchemaUnknown: a newer version made it.
        """
        try:
            url = make_url(where) if isinstance(where, str) and "://" in where else URL.create(
                "sqlite", database=str(where))
            engine = create_engine(url, hide_parameters=True)
        except (ArgumentError, ValueError, ModuleNotFoundError) as error:
            raise LedgerUnavailable("The ledger's address is no path, and no database that can be used.") from error
        if engine.dialect.name == "sqlite":
            _make_file(Path(url.database or ""))
            event.listen(engine, "connect", _set_up_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        ledger = cls(engine)
        try:
            with ledger.transaction() as connection:
                _migrate(connection)
        except BaseException:
            ledger.close()
            raise
        return ledger

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction that reads and writes: committed at the end, rolled back by any exception.

        Raises:
            LedgerUnavailable: the database refused (disk full, locked by another process, gone ...).
        """
        with self._writing, _told_as_fault():
            try:
                with self._begun() as connection:
                    connection.info[_SAVED] = self._saved
                    yield connection
            except BaseException:
                # What was rolled back was not saved.
                self._saved.clear()
                raise

    @contextmanager
    def _begun(self) -> Iterator[Connection]:
        """A transaction begun. Who writes alone keeps the connection: taking one from the pool and giving it back costs
        more than most transactions. After a failure it is a new one."""
        if not self._alone:
            with self._engine.begin() as connection:
                yield connection
            return
        if self._writer is None:
            self._writer = self._engine.connect()
        try:
            with self._writer.begin():
                yield self._writer
        except BaseException:
            self._let_go()
            raise

    def _let_go(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads, beside any writer, and sees one moment.

        Raises:
            LedgerUnavailable: as :meth:`transaction`.
        """
        with _told_as_fault(), self._engine.connect().execution_options(**{_READING: True}) as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        with self._writing:
            self._let_go()
        self._engine.dispose()


def saved_calls(connection: Connection) -> dict[str, Call]:
    """The open calls as this process last saved them, by id; empty after a rollback. For ``calls.save``."""
    saved: dict[str, Call] = connection.info[_SAVED]
    return saved


@contextmanager
def _told_as_fault() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise LedgerUnavailable(f"The ledger refused: {error.orig}") from error


def _make_file(path: Path) -> None:
    """Make the file for the owner alone; SQLite gives its -wal and -shm files the same mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise LedgerUnavailable(f"The ledger's file cannot be opened: {error.strerror}.", path=path) from error


def _set_up_sqlite(connection: Any, _: object) -> None:
    # The driver's own BEGIN comes too late (not before a SELECT): we send it ourselves.
    connection.isolation_level = None
    for pragma in (f"busy_timeout={BUSY_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE: a transaction that reads and then writes must not find that another one wrote in between.
    reading = connection.get_execution_options().get(_READING)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _migrate(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current == scripts.get_current_head():
        return
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise LedgerSchemaUnknown("A newer version of Phonograph made this ledger.", revision=current)
    command.upgrade(config, "head")
