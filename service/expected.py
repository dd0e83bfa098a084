"""Expected against recorded, in numbers: for one day, for the log and for ``phonograph reconcile``."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection

from faults import LedgerFault
from ledger import Ledger, calls, lookup
from processing.step import Places
from recorder.states import RecordingState
from service.clock import Clock
from service.reconcile import reconcile

log = structlog.get_logger("assurance")

_LOOK_EVERY = 3600.0  # s
_LIVE = (RecordingState.ARMED, RecordingState.RECORDING, RecordingState.PAUSED, RecordingState.ENDED)


def expected(connection: Connection, *, since: float, until: float) -> dict[str, Any]:
    """Calls that began in that time: how many there were, had to be recorded, and were; and why the others were not.

    A call that was stopped and started again has more than one recording, so ``ready`` and the like may add up to more
    than ``to_be_recorded``. ``uncarried``: recordings that for a while no recording server took, though one should.
    """
    found = lookup.counts(connection, since=since, until=until)
    missed = Counter(call.reason or "no reason is known"
                     for call in calls.without_recording(connection, since=since, until=until))
    states = found.recordings
    return {"since": since, "until": until, "calls": found.calls, "going_on": found.open,
            "to_be_recorded": found.wanted, "recorded": found.wanted - missed.total(),
            "ready": states.get(RecordingState.READY, 0), "incomplete": states.get(RecordingState.INCOMPLETE, 0),
            "failed": states.get(RecordingState.FAILED, 0), "expired": states.get(RecordingState.EXPIRED, 0),
            "uncarried": found.uncarried,
            "in_work": sum(states.get(state, 0) for state in (*_LIVE, RecordingState.PROCESSING)),
            "missed": missed.total(), "missed_because": dict(missed.most_common())}


def day(of: date, zone: ZoneInfo) -> tuple[float, float]:
    """When a day begins and ends, in seconds since the Unix epoch: 23 or 25 hours where the clocks change."""
    first, last = (datetime.combine(one, time(), zone).timestamp() for one in (of, of + timedelta(days=1)))
    return first, last


class Daily:
    """Says in the log, at the start and once for each day that is over, how that day was.

    Args:
        zone: whose days.
    """

    def __init__(self, ledger: Ledger, places: Places, clock: Clock, zone: ZoneInfo) -> None:
        self._ledger = ledger
        self._places = places
        self._clock = clock
        self._zone = zone
        self._told: date | None = None

    async def run(self) -> None:
        """Look every hour until cancelled."""
        while True:
            yesterday = datetime.fromtimestamp(self._clock.at(), self._zone).date() - timedelta(days=1)
            if yesterday != self._told:
                try:
                    await asyncio.to_thread(self._tell, yesterday)
                    self._told = yesterday
                except LedgerFault as fault:
                    log.warning("the day could not be looked at", day=yesterday.isoformat(), cause=fault.message)
            await self._clock.wait(asyncio.Event(), _LOOK_EVERY)

    def _tell(self, of: date) -> None:
        since, until = day(of, self._zone)
        with self._ledger.reading() as connection:
            numbers = expected(connection, since=since, until=until)
            found = reconcile(connection, self._places, since=since, until=until)
        short = {key: numbers[key] for key in (
            "calls", "to_be_recorded", "recorded", "ready", "incomplete", "failed", "in_work", "missed", "uncarried")}
        log.info("expected against recorded", day=of.isoformat(), **short)
        for reason, number in numbers["missed_because"].items():
            log.warning("calls were missed", day=of.isoformat(), number=number, reason=reason)
        if found:
            log.warning("not everything is as it should be: run `phonograph reconcile`", day=of.isoformat(),
                        number=len(found), can_be_mended=sum(one.remedy is not None for one in found))
