"""Insert or update, in one statement that SQLite and PostgreSQL both know."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Insert, Table, case, or_
from sqlalchemy.dialects import postgresql, sqlite


def upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]], *,
           sticky: tuple[str, frozenset[str]] | None = None) -> None:
    """Insert rows, or update those whose primary key is there.

    Args:
        rows: all with the same columns; columns that they lack are not touched.
        sticky: a column and its values that an update does not overwrite.
    """
    if rows:
        connection.execute(_statement(connection.dialect.name, table, tuple(rows[0]), sticky), rows)


def insert_new(connection: Connection, table: Table, *rows: dict[str, Any]) -> None:
    """Insert rows; do nothing for one of which a unique key is there already."""
    if rows:
        connection.execute(_insert_new(connection.dialect.name, table), rows)


@cache
def _insert_new(dialect: str, table: Table) -> Insert:
    return _insert(dialect, table).on_conflict_do_nothing()


@cache
def _statement(dialect: str, table: Table, columns: tuple[str, ...],
               sticky: tuple[str, frozenset[str]] | None) -> Insert:
    insert = _insert(dialect, table)
    keys = {column.name for column in table.primary_key}
    values: dict[str, ColumnElement[Any]] = {name: insert.excluded[name] for name in columns if name not in keys}
    if sticky is not None:
        name, kept = sticky
        values[name] = case((or_(*(table.c[name] == value for value in sorted(kept))), table.c[name]),
                            else_=insert.excluded[name])
    return insert.on_conflict_do_update(index_elements=sorted(keys), set_=values)


def _insert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
