"""What the driver needs of the ledger, each in one transaction, in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Connection

from ledger import Ledger, calls, identity, jobs, outbox
from recorder.effects import Announce, Attach, Detach, Hush, Mark
from recorder.model import Call

T = TypeVar("T")

# What is stored until it was performed. A Finish is its job's row; the others mean nothing to a later life.
Stored = Attach | Detach | Mark | Announce | Hush


@dataclass(slots=True)
class Batch:
    """What goes into one transaction.

    Attributes:
        calls: the changed calls, by id, as they are now.
        effects: to be stored, in order.
        finished: recordings whose jobs begin.
        performed: ids of stored effects that were performed meanwhile.
    """

    calls: dict[str, Call] = field(default_factory=dict)
    effects: list[Stored] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    performed: list[int] = field(default_factory=list)


class Store:
    """The ledger, for the event loop: every method runs in the store's one thread.

    Args:
        node: the machine that has the files of what is recorded.
    """

    def __init__(self, ledger: Ledger, node: str | None = None) -> None:
        self._ledger = ledger
        self._node = node
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")

    async def begin(self, now: float) -> None:
        """Close what an earlier life left in the outbox: the switch's snapshot says anew what is to be done.

        Raises:
            LedgerUnavailable: the ledger refused. So do the other methods.
        """
        def work(connection: Connection) -> None:
            outbox.performed(connection, [left.id for left in outbox.pending(connection)], now)

        await self._in_thread(work)

    async def identity(self) -> str:
        """Which ledger this is: the same at every start."""
        return await self._in_thread(identity.of)

    async def open_calls(self, switch: str, since: float) -> list[Call]:
        """The calls of a switch that are not closed, and those that ended later than ``since`` and may have left a leg
        behind."""
        return await self._in_thread(lambda connection: calls.open_calls(connection, switch, since=since))

    async def commit(self, batch: Batch, now: float) -> Sequence[int]:
        """Write everything in one transaction.

        Returns:
            The ids of the stored effects, in order.
        """
        def work(connection: Connection) -> Sequence[int]:
            calls.save(connection, batch.calls.values(), now)
            ids = outbox.add(connection, batch.effects, now)
            for recording in batch.finished:
                jobs.enqueue(connection, recording, now, self._node)
            outbox.performed(connection, batch.performed, now)
            return ids

        return await self._in_thread(work)

    async def forget(self, before: float) -> None:
        """Take away the effects that were performed before that time."""
        await self._in_thread(lambda connection: outbox.forget(connection, before))

    def close(self) -> None:
        """Wait for the last transaction. The ledger itself stays open."""
        self._thread.shutdown()

    async def _in_thread(self, work: Callable[[Connection], T]) -> T:
        def whole() -> T:
            with self._ledger.transaction() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._thread, whole)
