"""Makes the deliveries: looks for changes of recordings that a channel has not been told of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor

import structlog

from faults import LedgerFault
from ledger import Ledger, changes
from ledger.changes import What

log = structlog.get_logger("notices")

EVERY_S = 1.0
"""Between two looks: so late is a notice at most. Nothing wakes it, so that what records does not know of it."""
LEDGER_PAUSE_S = 5.0


class Teller:
    """Looks until it is cancelled.

    Args:
        channels: which changes each channel tells of.
        told: called with the name of a channel that has new deliveries.
        clock: seconds since the Unix epoch (UTC).
        threads: where the ledger is asked.
    """

    def __init__(self, ledger: Ledger, channels: Mapping[str, frozenset[What]], *,
                 told: Callable[[str], None], clock: Callable[[], float], threads: Executor) -> None:
        self._ledger = ledger
        self._channels = channels
        self._told = told
        self._clock = clock
        self._threads = threads
        self._begun = False

    async def run(self) -> None:
        """Look, every second."""
        loop = asyncio.get_running_loop()
        while True:
            pause = EVERY_S
            try:
                for name in await loop.run_in_executor(self._threads, self.look):
                    self._told(name)
            except LedgerFault as fault:
                log.error("notices wait: the ledger cannot be used", cause=fault.message)
                pause = LEDGER_PAUSE_S
            await asyncio.sleep(pause)

    def look(self) -> list[str]:
        """Make the deliveries of what has changed.

        Returns:
            The channels that have new ones.

        Raises:
            LedgerFault: the ledger cannot be used.
        """
        if not self._begun:
            with self._ledger.transaction() as connection:
                for name in self._channels:
                    changes.begin(connection, name)
            self._begun = True
        now = self._clock()
        with self._ledger.reading() as connection:
            found = {name: changes.untold(connection, name, states, now) for name, states in self._channels.items()}
        # Most looks find nothing, and then nobody who writes is disturbed.
        new = {name: untold for name, untold in found.items() if untold.changes}
        if new:
            with self._ledger.transaction() as connection:
                for name, untold in new.items():
                    changes.tell(connection, name, untold, now)
        return list(new)
