"""Recordings that are too long: they are stopped, like by an operator, and saved; the calls go on."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable

import structlog

from recorder.events import ActorKind, Asked, Verb
from recorder.model import Call
from service.clock import Clock

log = structlog.get_logger("duration")

EVERY = 1.0
"""Seconds between two looks."""
REASON = "the longest duration of a recording was reached"


class Longest:
    """Stops the recordings of one switch that have lasted too long.

    Args:
        seconds: how long a recording may last, pauses included.
        sound: what each party then hears, or None.
        calls: gives the open calls. ask: takes what is asked of them.
    """

    def __init__(self, switch: str, seconds: float, sound: str | None, *, calls: Callable[[], Iterable[Call]],
                 ask: Callable[[Asked], None], clock: Clock) -> None:
        self._switch = switch
        self._seconds = seconds
        self._sound = sound
        self._calls = calls
        self._ask = ask
        self._clock = clock
        self._asked: set[str] = set()

    async def run(self) -> None:
        """Look every second, until cancelled."""
        while True:
            await self._clock.wait(asyncio.Event(), EVERY)
            self.look()

    def look(self) -> None:
        """Ask once for the end of each recording that has lasted too long."""
        at = self._clock.at()
        late = {recording.id: call for call in self._calls() if not call.stopped
                and (recording := call.recording) is not None
                and recording.started is not None and at - recording.started >= self._seconds}
        for identity, call in late.items():
            if identity not in self._asked:
                log.warning("recording stopped", call=call.id, recording=identity, reason=REASON)
                self._ask(Asked(switch=self._switch, at=at, request=str(uuid.uuid4()), verb=Verb.STOP, target=call.id,
                                actor=ActorKind.SERVICE, owner="service", reason=REASON, farewell=self._sound))
        self._asked = set(late)
