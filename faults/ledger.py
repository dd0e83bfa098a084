"""The database."""

from __future__ import annotations

from faults.base import Blame, Fault


class LedgerFault(Fault):
    """The database."""

    id = "ledger"
    blame = Blame.STORAGE


class LedgerUnavailable(LedgerFault):
    """The database cannot be opened, read or written."""

    id = "ledger.unavailable"
    recording = "Taps that are attached go on; no new one starts without its row."
    remedy = "Check the disk and the rights of the database file."


class LedgerAddressInvalid(LedgerFault):
    """What the settings name is no database that can be used."""

    id = "ledger.address"
    blame = Blame.ADMINISTRATOR
    recording = "The service does not start."
    remedy = "Give `ledger` the path of a file, or a URL such as `postgresql+psycopg://phonograph@db.example/phonograph`."


class LedgerSchemaUnknown(LedgerFault):
    """The database was made by a newer Phonograph."""

    id = "ledger.schema"
    blame = Blame.ADMINISTRATOR
    recording = "The service does not start."
    remedy = "Run the version of Phonograph that made the database, or a newer one."
