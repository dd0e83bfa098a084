"""Writes down what happened, in the journals and the log, beside the driver and after the calls that wait."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

import structlog

from recorder.engine import Step
from recorder.events import CallEvent
from recorder.model import Call
from service.changes import tell
from service.journal import Journal
from service.precedence import Precedence

log = structlog.get_logger("driver")


@dataclass(frozen=True, slots=True)
class _Seen:
    event: CallEvent
    step: Step
    before: tuple[Call | None, ...]
    now: float


class Witness:
    """The witness of one switch's driver."""

    def __init__(self, switch: str, journal: Journal, precedence: Precedence) -> None:
        self._switch = switch
        self._journal = journal
        self._precedence = precedence
        self._seen: deque[_Seen] = deque()
        self._wake = asyncio.Event()

    def saw(self, event: CallEvent, step: Step, before: tuple[Call | None, ...], now: float) -> None:
        """Take a step of the engine down, to be written soon.

        Args:
            before: what the changed calls were, in their order; None for a new one.
            now: what the engine was given as its clock.
        """
        self._seen.append(_Seen(event, step, before, now))
        self._wake.set()

    async def run(self) -> None:
        """Write what was seen, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._precedence.give_way()
            self.flush()

    def flush(self) -> None:
        """Write everything that was seen so far. No call may suffer from that."""
        while self._seen:
            seen = self._seen.popleft()
            try:
                self._journal.note(seen.event, seen.step, seen.now)
                for before, after in zip(seen.before, seen.step.changed, strict=True):
                    tell(before, after)
            except Exception:
                log.exception("a journal could not be written", switch=self._switch)
