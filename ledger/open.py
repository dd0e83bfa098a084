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
from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from faults import LedgerAddressInvalid, LedgerSchemaUnknown, LedgerUnavailable
from recorder.model import Call

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_MS = 10_000

_READING = "phonograph_reading"
_SAVED = "phonograph_saved_calls"
# A transaction that only reads sees one moment: what PostgreSQL does not do by itself.
_ONE_MOMENT: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
# A connection for each thread that asks. One whose server is gone without a word is given up after half a minute
# (libpq's parameters, in seconds; the last in milliseconds).
_SERVER: dict[str, Any] = {"pool_size": 8, "max_overflow": -1, "connect_args": {
    "connect_timeout": 10, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3,
    "tcp_user_timeout": 30_000}}
# Who migrates a PostgreSQL holds this lock until its commit: several services may start at once.
_MIGRATING = 7_365_110


class Ledger:
    """The database, open.

    Any thread may use it. On SQLite one transaction writes at a time: threads of one process wait for a lock, other
    processes up to ``BUSY_MS``. On PostgreSQL several write at once, each sees what the others have committed, and rows
    that are read to be changed are locked. A commit is on the disk when it returns (WAL, synchronous=FULL; on
    PostgreSQL by its own default).
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
            LedgerAddressInvalid: that is no path, and no database that can be used.
            LedgerUnavailable: it cannot be opened or written.
            LedgerSchemaUnknown: a newer version made it.
        """
        try:
            url = make_url(where) if isinstance(where, str) and "://" in where else URL.create(
                "sqlite", database=str(where))
            engine = create_engine(url, hide_parameters=True, **(_SERVER if url.host else {}))
        except (ArgumentError, ValueError, ModuleNotFoundError) as error:
            raise LedgerAddressInvalid("The ledger's address is no path, and no database that can be used.") from error
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
        options: dict[str, Any] = {_READING: True, **({} if self._alone else _ONE_MOMENT)}
        with _told_as_fault(), self._engine.connect().execution_options(**options) as connection:
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
        # PostgreSQL adds a line with the values of the row; its own first sentence has none.
        said = getattr(getattr(error.orig, "diag", None), "message_primary", None)
        raise LedgerUnavailable(f"The ledger refused: {said or error.orig}") from (None if said else error)


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
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_MIGRATING)))
    scripts = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current == scripts.get_current_head():
        return
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise LedgerSchemaUnknown("A newer version of Phonograph made this ledger.", revision=current)
    command.upgrade(config, "head")
