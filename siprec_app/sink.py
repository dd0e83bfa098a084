"""The recording servers as the recorder's driver sees them: taps come in, sessions follow the calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from itertools import count

import structlog

from faults import RecordingServerFault
from recorder.effects import Attach
from recorder.events import SessionIs, Silenced, TapDown
from recorder.ids import segment_recording
from recorder.model import Call, Direction, Recording, Session
from recorder.ports import RtpAddress
from recorder.states import PauseState
from siprec_app.carriage import Carriage
from siprec_app.describe import tapped
from siprec_app.order import Order
from siprec_app.server_session import Connecting

__all__ = ["ServerSink"]

log = structlog.get_logger("siprec")


class ServerSink:
    """Implements ``recorder.ports.RecordingServers`` for the calls of one switch.

    Args:
        switch: whose calls these are.
        order: the servers. connecting: what sessions are made with.
        owed: the switch sends a packet for every stretch of time, late rather than never: ``Relay.open_intake``.
        tell: takes each event.
    """

    def __init__(self, switch: str, order: Order, connecting: Connecting, *, owed: bool,
                 tell: Callable[[SessionIs | Silenced], None]) -> None:
        self._switch = switch
        self._order, self._connecting = order, connecting
        self._owed, self._tell = owed, tell
        self._carriages: dict[str, Carriage] = {}
        self._latest: dict[str, tuple[Call, Recording]] = {}
        self._following: set[str] = set()
        self._silencing: set[tuple[str, str, float]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sequence = count(1)

    async def open(self, effect: Attach) -> Mapping[Direction, RtpAddress]:
        """See ``RecordingServers``."""
        identity = segment_recording(effect.segment)
        carriage = self._carriages.get(identity)
        if carriage is None:
            if identity not in self._latest:
                raise RecordingServerFault("The recording is over.", recording_id=identity)
            call, recording = self._latest[identity]
            carriage = self._carriages[identity] = Carriage(
                call, recording, order=self._order, connecting=self._connecting, owed=self._owed, tell=self._told,
                start=self._start)
        return await carriage.open(effect)

    async def silence(self, segment: str) -> None:
        """See ``RecordingServers``."""
        carriage = self._carriages.get(segment_recording(segment))
        if carriage is not None:
            await carriage.silence(segment)

    async def counted(self, event: TapDown) -> TapDown:
        """See ``RecordingServers``."""
        carriage = self._carriages.get(segment_recording(event.segment))
        return event if carriage is None else replace(event, carried=await carriage.counted(event.segment))

    def follow(self, calls: Iterable[Call]) -> None:
        """See ``RecordingServers``."""
        for call in calls:
            for recording in call.recordings:
                if recording.id in self._carriages or (recording.ended is None and tapped(recording) is not None):
                    self._latest[recording.id] = call, recording
                    self._follow(recording.id)
                else:
                    self._latest.pop(recording.id, None)
            for pause in call.silences:
                if pause.state is PauseState.ASKED:
                    self._keep_from(call, pause.server, pause.asked)

    def dead(self, server: str) -> None:
        """A server does not answer any more."""
        for carriage in self._carriages.values():
            carriage.dead(server)

    async def close(self) -> None:
        """The service ends: so do its sessions."""
        for carriage in self._carriages.values():
            carriage.stop()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _follow(self, recording: str) -> None:
        """One after the other, and the latest state only."""
        if recording not in self._carriages:
            return
        self._carriages[recording].note(*self._latest[recording])
        if recording not in self._following:
            self._following.add(recording)
            self._start(self._catch_up(recording))

    async def _catch_up(self, identity: str) -> None:
        carriage = self._carriages[identity]
        done: tuple[Call, Recording] | None = None
        try:
            while (latest := self._latest.get(identity)) is not None and latest is not done:
                await carriage.follow()
                done = latest
        finally:
            self._following.discard(identity)
        if carriage.over:
            self._carriages.pop(identity, None)
            self._latest.pop(identity, None)

    def _keep_from(self, call: Call, server: str, asked: float) -> None:
        """Silence what goes to a server, once for each pause, and say so then."""
        key = call.id, server, asked
        if key not in self._silencing:
            self._silencing.add(key)
            self._start(self._silence(call, server, asked))

    async def _silence(self, call: Call, server: str, asked: float) -> None:
        try:
            for recording in call.recordings:
                while (carriage := self._carriages.get(recording.id)) is not None:
                    try:
                        await carriage.keep_from(server)
                        break
                    except RecordingServerFault as fault:  # it took the relay its time, and nothing is confirmed yet
                        log.error("a pause for a recording server is not kept yet", recording=recording.id,
                                  server=server, why=fault.message)
            self._tell(Silenced(switch=self._switch, at=self._connecting.at(), sequence=next(self._sequence),
                                call=call.id, server=server, asked=asked))
        finally:
            self._silencing.discard((call.id, server, asked))

    def _told(self, recording: str, session: Session) -> None:
        self._tell(SessionIs(switch=self._switch, at=self._connecting.at(), sequence=next(self._sequence),
                             recording=recording, session=session))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        async def whole() -> None:
            try:
                await work
            except Exception:  # what breaks in one recording is not to end the others
                log.exception("a recording's way to the servers broke", switch=self._switch)

        task = asyncio.create_task(whole(), name=f"siprec {self._switch}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
