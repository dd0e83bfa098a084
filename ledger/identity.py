"""Which ledger this is: an id drawn once, so that a service is the same one over its restarts."""

from __future__ import annotations

import uuid

from sqlalchemy import Connection, select

from ledger.tables import identity
from ledger.upsert import insert_new

_ONLY = 1


def of(connection: Connection) -> str:
    """The ledger's id, a UUID; the first who asks draws it."""
    insert_new(connection, identity, {"number": _ONLY, "id": str(uuid.uuid4())})
    found: str = connection.execute(select(identity.c.id)).scalar_one()
    return found
