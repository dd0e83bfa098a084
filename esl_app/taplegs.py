"""Taps that go to recording servers: for each direction FreeSWITCH calls our answerer, which says where the audio is
received, and runs the application ``eavesdrop`` on the tapped leg, of which it hears that direction alone. For both
of them mixed it makes one call, which hears both.

Nothing that an answer says counts as proof. A tap is up when all its calls are answered and the tapped leg has told of
a media bug for each (MEDIA_BUG_START); it is down when all have ended (CHANNEL_HANGUP_COMPLETE), which each does only
after its bug has been removed. When one of them ends the other one is ended as well.

Its cousin ``native_eavesdrop`` is out of the question: FreeSWITCH 1.11 dies of it when the tapped leg's packets are
shorter than those of the call to us.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass

from esl_app.answerer import Answerer
from esl_app.lines import Media
from esl_app.messages import Event
from esl_app.names import TAPPED, tap_leg, tapped_by
from esl_app.operations import Operations
from faults import SwitchFault, SwitchOperationFailed
from recorder.effects import Attach, Detach
from recorder.events import DETACHED, TapDown, TapFailed, TapUp
from recorder.model import Direction, Source
from recorder.ports import RtpAddress

EVENTS = frozenset({"CHANNEL_CREATE", "CHANNEL_ANSWER", "CHANNEL_HANGUP_COMPLETE", "CHANNEL_DESTROY",
                    "MEDIA_BUG_START"})

_REMEMBERED = 200
"""Taps that have just ended, and such that were called off."""
_PROFILE = re.compile(r"[A-Za-z0-9_.-]+")
_RUNNING = re.compile(r"^\s*([A-Za-z0-9_.-]+)\s+profile\s.*\bRUNNING\b", re.MULTILINE)
_UNSET = "_undef_"
_UNREAD = ("", "PROXY")
"""Codecs of a leg whose media FreeSWITCH does not read: nothing can be heard there."""
_NEVER_UP = "ended before it was up"

_FIXED = {
    "originate_timeout": "4",
    "origination_caller_id_name": "Phonograph", "origination_caller_id_number": "phonograph",
    "process_cdr": "false",
    # Only what we have asked for: no keys, no comfort noise, nothing back, no change of the address by who sends here.
    "eavesdrop_enable_dtmf": "false", "suppress_cng": "true", "origination_audio_mode": "sendonly",
    # Nobody sends anything back: a profile's rtp-timeout-sec, 300 in FreeSWITCH's own examples, would end the leg.
    "rtp_timeout_sec": "0",
    "disable_rtp_auto_adjust": "true", "rtp_secure_media": "false", "ignore_display_updates": "true",
}


def running_profile(status: str) -> str | None:
    """A SIP profile that runs, by what ``sofia status`` prints; None where there is none."""
    found = _RUNNING.search(status)
    return found[1] if found is not None else None


@dataclass(slots=True)
class _Way:
    """One direction: the number that our answerer expects, and how far FreeSWITCH's call has come."""

    number: str = ""
    created: bool = False
    answered: bool = False
    over: bool = False


@dataclass(slots=True)
class _Tap:
    leg: str
    ways: dict[Direction, _Way]
    heard: int = 0
    up: bool = False
    unwanted: bool = False
    cause: str = ""


class TapLegs:
    """All taps of one FreeSWITCH that go to recording servers.

    Args:
        switch: the switch's name, for the events.
        operations: the connection.
        answerer: who answers FreeSWITCH's calls.
        start: begins a work that nobody waits for.
        tell: takes each event.
        sequence: the next sequence number.
        clock: seconds since the Unix epoch.
    """

    def __init__(self, switch: str, operations: Operations, answerer: Answerer, *,
                 start: Callable[[Coroutine[None, None, None]], None],
                 tell: Callable[[TapUp | TapDown | TapFailed], None], sequence: Callable[[], int],
                 clock: Callable[[], float]) -> None:
        self._switch = switch
        self._operations = operations
        self._answerer = answerer
        self._start = start
        self._tell = tell
        self._sequence = sequence
        self._clock = clock
        self._taps: dict[str, _Tap] = {}
        self._before: dict[str, _Tap] = {}
        self._ended: deque[str] = deque(maxlen=_REMEMBERED)
        self._called_off: deque[str] = deque(maxlen=_REMEMBERED)
        self._coming: set[str] = set()

    @property
    def coming(self) -> tuple[str, ...]:
        """The segments that were asked for and are neither up nor failed."""
        return tuple(sorted(self._coming))

    @property
    def legs(self) -> frozenset[str]:
        """The legs of ours that are there, as far as their events tell."""
        return frozenset(tap_leg(segment, direction) for segment, tap in self._taps.items()
                         for direction, way in tap.ways.items() if way.created and not way.over)

    def expect(self, segment: str) -> None:
        """An attach was asked for; it may still have to wait for its turn."""
        self._coming.add(segment)

    async def attach(self, effect: Attach, to: Mapping[Direction, RtpAddress]) -> None:
        """Have FreeSWITCH call us for each direction; events tell what comes of it.

        Args:
            to: where each direction's audio is received.
        """
        segment, source = effect.segment, effect.source
        if segment in self._called_off or segment in self._ended:
            self._coming.discard(segment)
            return
        if not source.leg or not set(source.directions) <= set(to):
            self._failed(segment, "only what a leg hears and says can be sent to a recording server", hopeless=True)
            return
        tap = self._taps[segment] = _Tap(source.leg, {direction: _Way() for direction in source.directions})
        try:
            where = await self._answerer.open()
            profile = await self._profile(source.leg)
            codec = await self._codec(source.leg, to[source.directions[0]].codecs)
        except SwitchFault as fault:
            self._all_over(segment, tap, _reason(fault))
            return
        if tap.unwanted:
            self._all_over(segment, tap, _NEVER_UP)
        if self._taps.get(segment) is not tap:
            return
        for direction, way in tap.ways.items():
            way.number = self._answerer.expect(to[direction], codec)
        await asyncio.gather(*(self._call(segment, tap, direction, f"sofia/{profile}/sip:{way.number}@{where}",
                                          {**_FIXED, "sip_route_uri": f"sip:{where}", "absolute_codec_string": codec})
                               for direction, way in tap.ways.items()))

    async def detach(self, effect: Detach) -> None:
        """End its calls, be they there or on their way; their ends are told by events.

        That FreeSWITCH has no such call is no proof: its end is on its way, or its beginning. Only by force is it taken
        for the end.
        """
        segment = effect.segment
        tap = self._taps.get(segment)
        if tap is None:
            if segment not in self._ended:
                self._called_off.append(segment)  # as it may be waiting for its turn
                self._failed(segment, _NEVER_UP)
            return
        tap.unwanted = True
        ways = [(direction, way) for direction, way in tap.ways.items() if not way.over]
        for _, way in ways:
            self._answerer.forget(way.number)
        there = await asyncio.gather(*(self._end(tap_leg(segment, direction)) for direction, _ in ways))
        if effect.destroy:
            for (direction, _), answer in zip(ways, there, strict=True):
                if not answer:
                    self._over(segment, tap, direction, "its end was not seen", None)

    def refused(self, effect: Attach, cause: str) -> None:
        """An attach that never began, because too many waited."""
        self._failed(effect.segment, cause)

    def received(self, event: Event) -> None:
        """One of `EVENTS`; most of them are of other legs."""
        at = event.timestamp if event.timestamp is not None else self._clock()
        if event.name == "MEDIA_BUG_START":
            if event.header("Media-Bug-Function") == "eavesdrop":
                self._hears(event.uuid or "", at)
            return
        segment, direction = tapped_by(event.uuid or "") or ("", Direction.MIX)
        tap = self._taps.get(segment)
        way = tap.ways.get(direction) if tap is not None else None
        if tap is None or way is None:
            return
        way.created = True
        if event.name == "CHANNEL_ANSWER":
            way.answered = True
            self._look(segment, tap, at)
        elif event.name != "CHANNEL_CREATE":
            self._over(segment, tap, direction, event.header("Hangup-Cause") or "", at)
        elif tap.unwanted:
            self._start(self._ends([tap_leg(segment, direction)]))

    def adopt(self, found: Mapping[str, Source], strays: Iterable[str]) -> None:
        """What a snapshot shows: of the taps before this connection these are left, and these legs of ours are no whole
        tap. What has begun or ended on this connection its events tell."""
        for segment, source in found.items():
            tap = self._taps.get(segment) or self._before.pop(segment, None)
            if tap is None or not tap.up:
                tap = tap or _Tap(source.leg, {direction: _Way() for direction in source.directions})
                for way in tap.ways.values():
                    way.created = way.answered = True
                tap.up = True
            self._taps[segment] = tap
            self._coming.discard(segment)
        for tap in self._before.values():
            self._forget_numbers(tap)
        self._before.clear()
        left = [leg for leg in strays if (tapped_by(leg) or ("",))[0] not in self._taps]
        if left:
            self._start(self._ends(left))

    def forget(self) -> None:
        """The connection is new: which taps there are, its snapshot tells."""
        self._before.update(self._taps)
        self._taps.clear()
        self._coming.clear()

    async def _profile(self, leg: str) -> str:
        """The SIP profile to call from: that of the tapped leg, which works, or any other where it has none.

        Raises:
            SwitchFault: there is none.
        """
        own = await self._variable(leg, "sofia_profile_name")
        if _PROFILE.fullmatch(own):
            return own
        running = running_profile(await self._operations.api("sofia", "status"))
        if running is None:
            raise SwitchOperationFailed("FreeSWITCH has no SIP profile that runs.")
        return running

    async def _codec(self, leg: str, taken: tuple[str, ...]) -> str:
        """The codec of our calls: that of the leg, if it is one that is taken, so that nothing is lost.

        Raises:
            SwitchFault: FreeSWITCH does not read the leg's media.
        """
        codec = await self._variable(leg, "read_codec")
        if codec in _UNREAD:
            raise SwitchOperationFailed("FreeSWITCH does not read the media of that leg.")
        return codec if codec in taken else "PCMU"

    async def _variable(self, leg: str, name: str) -> str:
        value = (await self._operations.api("uuid_getvar", leg, name)).strip()
        return "" if value == _UNSET else value

    async def _call(self, segment: str, tap: _Tap, direction: Direction, address: str,
                    variables: Mapping[str, str]) -> None:
        """Have one direction's call made. Of one that FreeSWITCH has told of, the end is told as well."""
        way = tap.ways[direction]
        own = {"origination_uuid": tap_leg(segment, direction), TAPPED: tap.leg,
               "eavesdrop_bridge_aleg": str(direction is not Direction.OUT).lower(),
               "eavesdrop_bridge_bleg": str(direction is not Direction.IN).lower()}
        try:
            await self._operations.job("originate", Media(address, {**own, **variables}), f"&eavesdrop({tap.leg})")
        except SwitchFault as fault:
            tap.cause = tap.cause or _reason(fault)
            if not way.created:
                self._over(segment, tap, direction, "", None)
            return
        way.created = True
        if tap.unwanted and self._taps.get(segment) is tap:
            await self._end(tap_leg(segment, direction))

    def _hears(self, leg: str, at: float) -> None:
        """A media bug of an eavesdropper has begun on a leg. Which of them it is it does not say."""
        for segment, tap in self._taps.items():
            if tap.leg == leg and not (tap.up or tap.unwanted) and tap.heard < len(tap.ways):
                tap.heard += 1
                self._look(segment, tap, at)
                return

    def _look(self, segment: str, tap: _Tap, at: float) -> None:
        """Tell that it is up, if it is."""
        if tap.up or tap.heard < len(tap.ways) or not all(way.answered for way in tap.ways.values()):
            return
        tap.up = True
        self._coming.discard(segment)
        self._tell(TapUp(switch=self._switch, at=at, sequence=self._sequence(), segment=segment, started=at,
                         files=()))

    def _over(self, segment: str, tap: _Tap, direction: Direction, cause: str, at: float | None) -> None:
        """One direction's call is over. The other one ends with it, and the tap with the last."""
        way = tap.ways[direction]
        if way.over or self._taps.get(segment) is not tap:
            return
        way.over = True
        tap.cause = tap.cause or cause
        self._answerer.forget(way.number)
        rest = [(other, way) for other, way in tap.ways.items() if not way.over]
        if rest:
            for _, other in rest:
                self._answerer.forget(other.number)
            if not tap.unwanted:
                self._start(self._ends([tap_leg(segment, other) for other, _ in rest]))
            return
        if not tap.up:
            self._failed(segment, _NEVER_UP if tap.unwanted else tap.cause or _NEVER_UP)
            return
        self._close(segment)
        self._tell(TapDown(switch=self._switch, at=at if at is not None else self._clock(), sequence=self._sequence(),
                           segment=segment, cause=DETACHED if tap.unwanted and at is not None else tap.cause,
                           ended=at))

    def _all_over(self, segment: str, tap: _Tap, cause: str) -> None:
        """Nothing has been begun of it."""
        if self._taps.get(segment) is tap:
            self._failed(segment, cause)

    async def _ends(self, legs: Iterable[str]) -> None:
        await asyncio.gather(*(self._end(leg) for leg in legs))

    async def _end(self, leg: str) -> bool:
        """Ask for the end of one of our legs; False where FreeSWITCH has none of that id."""
        try:
            await self._operations.api("uuid_kill", leg)
        except SwitchOperationFailed as fault:
            return "answer" not in fault.details
        except SwitchFault:
            pass  # it is asked again by force, and then by the next snapshot
        return True

    def _failed(self, segment: str, cause: str, *, hopeless: bool = False) -> None:
        self._close(segment)
        self._tell(TapFailed(switch=self._switch, at=self._clock(), sequence=self._sequence(), segment=segment,
                             cause=cause, hopeless=hopeless))

    def _close(self, segment: str) -> None:
        tap = self._taps.pop(segment, None)
        if tap is not None:
            self._forget_numbers(tap)
        self._coming.discard(segment)
        self._ended.append(segment)

    def _forget_numbers(self, tap: _Tap) -> None:
        for way in tap.ways.values():
            self._answerer.forget(way.number)


def _reason(fault: SwitchFault) -> str:
    answer = fault.details.get("answer")
    return f"{fault.message} ({answer})" if answer else fault.message
