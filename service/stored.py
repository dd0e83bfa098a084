"""Finished files that should be in a store of other machines, against what is there."""

from __future__ import annotations

from collections.abc import Iterator

from faults import NotFound, ProcessingFault
from ledger import Ledger, artefacts
from ledger.artefacts import Artefact
from processing.stores import LOCAL
from processing.stores.choice import Stores
from service.reconcile import Discrepancy


def examine(ledger: Ledger, stores: Stores, *, since: float, until: float) -> Iterator[Discrepancy]:
    """What is not as it should be. Each file is asked for, and none is read; the ledger is not kept waiting meanwhile.

    Args:
        since, until: recordings that began in that time. What has expired and is not deleted is told whatever its age.
    """
    with ledger.reading() as connection:
        expected = artefacts.elsewhere(connection, LOCAL, since=since, until=until)
        overdue = artefacts.overdue(connection)
    for file in overdue:
        yield Discrepancy(kind="not_deleted", what=file.recording, said=f"It has expired, but its {file.kind} file is "
                          f"still in the store {file.store}.")
    failing: set[str] = set()
    for file in expected:
        if file.store in failing:
            continue
        try:
            there = _is_there(stores, file)
        except ProcessingFault as fault:
            failing.add(file.store)
            yield Discrepancy(kind="no_store", what=file.store, said=f"Nobody knows whether its files are there: "
                              f"{fault.message}")
            continue
        if not there:
            yield Discrepancy(kind="no_file", what=file.recording,
                              said=f"Its {file.kind} file {file.name} is not in the store {file.store}.")


def _is_there(stores: Stores, file: Artefact) -> bool:
    try:
        stores.named(file.store).open(file.name).close()
    except NotFound:
        return False
    return True
