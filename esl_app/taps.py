"""Taps on FreeSWITCH: one stereo recording of a leg, without buffering; of a conference's member what they say; of a
conference its mix, which FreeSWITCH writes in blocks of 64 KiB and lets nobody choose (4.1 s at 8 kHz).

Nothing that an answer says counts as proof: a tap is up when RECORD_START came, and down when RECORD_STOP came
(``translate``). A tap is never paused: its end is the removal of its media bug, and a resumed recording is another one.

Masked it is only just before that: FreeSWITCH 1.11 writes, of each frame that it has left when it closes a stereo
recording, twice as much as there is, the second half being whatever its memory has there. Of a masked one it writes
zeros.

The file is named after the segment. Other recordings of the leg are not ours: only by force is everything stopped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from esl_app import lines
from esl_app.names import files, path
from esl_app.operations import Operations
from faults import ConferenceNameUnusable, SwitchFault, SwitchOperationFailed
from recorder.effects import Attach, Detach
from recorder.events import DETACHED, TapDown, TapFailed
from recorder.model import Direction, Source

_REMEMBERED = 200
"""Taps that have just ended, and such that were called off."""

_RATE = {"record_sample_rate": "8000"}
"""Hz: a call's legs may have several rates, and its recording has one."""
_UNBUFFERED = {"enable_file_write_buffering": "false", "RECORD_PRE_BUFFER_FRAMES": "0"}
"""A file then grows every 20 ms, and a killed FreeSWITCH loses about nothing. Else FreeSWITCH also keeps the first half
second back, of a file and again whenever the leg is bridged, held or transferred. Then it writes both directions from
the first packet of each: one that began later stands too early, and what the other has too much, or all of it when the
recording is stopped before, is thrown away."""
_AS_IT_IS = {
    **dict.fromkeys(("RECORD_STEREO_SWAP", "RECORD_WRITE_ONLY", "RECORD_APPEND", "RECORD_ANSWER_REQ",
                     "RECORD_BRIDGE_REQ", "RECORD_CHECK_BRIDGE", "RECORD_HANGUP_ON_ERROR"), "false"),
    **dict.fromkeys(("RECORD_MIN_SEC", "RECORD_INITIAL_TIMEOUT_MS", "RECORD_FINAL_TIMEOUT_MS"), "0"),
}
"""What a dialplan may have set on the channel for recordings of its own is not for ours. Without RECORD_MIN_SEC a file
that is shorter than 3 s would be deleted."""


class Conferences(Protocol):
    """The names of the conferences that are there, which FreeSWITCH's commands want."""

    def conference(self, bridge: str) -> str | None:
        """The name of a conference by its bridge's id; None where it is not known."""


@dataclass(slots=True)
class _Tap:
    begun: bool = False
    unwanted: bool = False


class Taps:
    """All taps of one FreeSWITCH.

    Args:
        switch: the switch's name, for the events.
        spool: the folder, as the switch sees it, below which our recordings are.
        operations: the connection.
        conferences: who knows the conferences' names.
        leg_of: the leg that a segment's recording is on now, which FreeSWITCH may have moved; None where it is on none.
        tell: takes each event.
        sequence: the next sequence number.
        clock: seconds since the Unix epoch.
    """

    def __init__(self, switch: str, spool: str, operations: Operations, conferences: Conferences, *,
                 leg_of: Callable[[str], str | None], tell: Callable[[TapDown | TapFailed], None],
                 sequence: Callable[[], int], clock: Callable[[], float]) -> None:
        self._switch = switch
        self._spool = spool.rstrip("/")
        self._operations = operations
        self._conferences = conferences
        self._leg_of = leg_of
        self._tell = tell
        self._sequence = sequence
        self._clock = clock
        self._taps: dict[str, _Tap] = {}
        self._ended: deque[str] = deque(maxlen=_REMEMBERED)
        self._called_off: deque[str] = deque(maxlen=_REMEMBERED)
        self._coming: set[str] = set()

    @property
    def coming(self) -> tuple[str, ...]:
        """The segments that were asked for and of which neither RECORD_START nor a failure has come."""
        return tuple(sorted(self._coming))

    def expect(self, segment: str) -> None:
        """An attach was asked for; it may still have to wait for its turn."""
        self._coming.add(segment)

    async def attach(self, effect: Attach) -> None:
        """Start a recording; RECORD_START tells that it runs."""
        if effect.segment in self._called_off or effect.segment in self._ended:
            self._coming.discard(effect.segment)
            return
        tap = self._taps[effect.segment] = _Tap()
        try:
            await self._start(effect.segment, effect.source)
        except SwitchFault as fault:
            if not tap.begun:
                self._failed(effect.segment, _reason(fault), hopeless=isinstance(fault, ConferenceNameUnusable))
                return
        tap.begun = True
        if tap.unwanted and self._taps.get(effect.segment) is tap:
            await self._stop(effect.segment, effect.source, force=False)

    async def detach(self, effect: Detach) -> None:
        """Stop a recording; RECORD_STOP tells that it is over. One that is on its way is stopped when it is up.

        That FreeSWITCH has nothing to stop is no proof: RECORD_STOP is on its way, or the recording has moved to
        another leg, where it cannot be stopped by its path. Only by force is it taken for the end.
        """
        tap = self._taps.get(effect.segment)
        if tap is not None:
            tap.unwanted = True
            if not tap.begun and not effect.destroy:
                return
        elif effect.segment in self._ended:
            return  # its end has just been told
        else:
            self._called_off.append(effect.segment)  # as it may be waiting for its turn
        if await self._stop(effect.segment, effect.source, force=effect.destroy):
            return
        if tap is None and not await self._stored(effect):
            self._failed(effect.segment, "ended before it was up")
        elif tap is None or (effect.destroy and tap.begun and self._taps.get(effect.segment) is tap):
            self.ended(effect.segment)
            self._tell(TapDown(switch=self._switch, at=self._clock(), sequence=self._sequence(), segment=effect.segment,
                               cause="its end was not seen", ended=None,
                               files=files(effect.segment, effect.source.directions)))

    def refused(self, effect: Attach, cause: str) -> None:
        """An attach that never began, because too many waited."""
        self._failed(effect.segment, cause)

    def started(self, segment: str) -> None:
        """RECORD_START of a segment came; also of one whose attach took too long, and counts as failed."""
        if segment in self._ended:
            self._ended.remove(segment)
        self.adopt(segment)

    def ended(self, segment: str) -> str | None:
        """RECORD_STOP of a segment came.

        Returns:
            `DETACHED` where we ended it, else None.
        """
        tap = self._taps.pop(segment, None)
        self._coming.discard(segment)
        self._ended.append(segment)
        return DETACHED if segment in self._called_off or (tap is not None and tap.unwanted) else None

    def adopt(self, segment: str) -> None:
        """A tap that runs, seen in a snapshot."""
        self._coming.discard(segment)
        self._taps.setdefault(segment, _Tap()).begun = True

    def forget(self) -> None:
        """The connection is new: which taps there are, its snapshot tells."""
        self._taps.clear()
        self._coming.clear()

    async def _start(self, segment: str, source: Source) -> None:
        file = f"{self._spool}/{path(segment, source.directions)}"
        if source.leg:
            both = source.directions != (Direction.IN,)
            ways = {"RECORD_STEREO": str(both).lower(), "RECORD_READ_ONLY": str(not both).lower()}
            await self._operations.job("uuid_record", source.leg, "start", file, "0",
                                       {"recorder_id": segment, **ways, **_RATE, **_AS_IT_IS, **_UNBUFFERED})
        else:
            room = self._conferences.conference(source.bridge)
            if room is None:
                raise SwitchOperationFailed("The conference is not there any more.", bridge=source.bridge)
            if not lines.is_word(room):
                raise ConferenceNameUnusable("The conference's name has characters that no command can carry.")
            await self._operations.job("conference", room, "record", file)

    async def _stop(self, segment: str, source: Source, *, force: bool) -> bool:
        """Ask for its end; whether there was anything to end.

        By force everything on the leg is stopped, other people's recordings too: what was to be kept out comes first.
        """
        file = f"{self._spool}/{path(segment, source.directions)}"
        room = self._conferences.conference(source.bridge)
        if not source.leg and (room is None or not lines.is_word(room)):
            return False
        try:
            if room is not None and not source.leg:
                await self._operations.api("conference", room, "norecord", file)
            else:
                leg = self._leg_of(segment) or source.leg
                if source.directions != (Direction.IN,):
                    await self._mask(leg, file)
                await self._operations.api("uuid_record", leg, "stop", "all" if force else file)
        except SwitchOperationFailed as fault:
            return "answer" not in fault.details  # else it was not even asked
        except SwitchFault:
            return True  # it is asked again by force, and then by the next snapshot
        return True

    async def _mask(self, leg: str, file: str) -> None:
        """Have nothing but zeros written from now on; where FreeSWITCH refuses, the stop that follows says why."""
        with suppress(SwitchOperationFailed):
            await self._operations.api("uuid_record", leg, "mask", file)

    async def _stored(self, effect: Detach) -> bool:
        """Whether there is a file of a tap that is on no leg any more."""
        file = f"{self._spool}/{path(effect.segment, effect.source.directions)}"
        try:
            return (await self._operations.api("file_exists", file)).strip() == "true"
        except SwitchFault:
            return False

    def _failed(self, segment: str, cause: str, *, hopeless: bool = False) -> None:
        self._taps.pop(segment, None)
        self._coming.discard(segment)
        self._ended.append(segment)
        self._tell(TapFailed(switch=self._switch, at=self._clock(), sequence=self._sequence(), segment=segment,
                             cause=cause, hopeless=hopeless))


def _reason(fault: SwitchFault) -> str:
    answer = fault.details.get("answer")
    return f"{fault.message} ({answer})" if answer else fault.message
