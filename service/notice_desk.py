"""What can be asked about who was told."""

from __future__ import annotations

import asyncio
from typing import Any

from ledger import Ledger, deliveries
from ledger.deliveries import Delivery, Status
from service.clock import Clock


class NoticeDesk:
    """Questions about notices, and telling again."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    async def listing(self, *, status: Status | None, channel: str | None, recording: str | None,
                      limit: int) -> list[dict[str, Any]]:
        """The notices, newest first."""
        def work() -> list[Delivery]:
            with self._ledger.reading() as connection:
                return deliveries.listing(connection, status=status, channel=channel, recording=recording, limit=limit)

        return [_view(one) for one in await asyncio.to_thread(work)]

    async def show(self, number: int) -> dict[str, Any]:
        """One notice.

        Raises:
            NotFound: there is none of that number.
        """
        def work() -> Delivery:
            with self._ledger.reading() as connection:
                return deliveries.get(connection, number)

        return _view(await asyncio.to_thread(work))

    async def retry(self, number: int) -> None:
        """Take a notice off the failed list.

        Raises:
            NotFound: no failed notice has that number.
        """
        def work() -> None:
            with self._ledger.transaction() as connection:
                deliveries.retry_failed(connection, number, self._clock.at())

        await asyncio.to_thread(work)


def _view(shown: Delivery) -> dict[str, Any]:
    return {"notice": shown.id, "channel": shown.channel, "recording": shown.recording, "state": shown.state.value,
            "status": shown.status.value, "attempts": shown.attempts, "created": shown.created, "run_at": shown.run_at,
            "note": shown.note, "fault": shown.fault}
