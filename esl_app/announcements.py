"""Announcements on FreeSWITCH: a media bug (``uuid_displace``) that mixes a sound or a beep into what is said.

Mixed into what FreeSWITCH writes to a leg (``m``) it is heard by the party there, and by no recording that was begun on
that leg before: media bugs are served in the order in which they came. Mixed into what it reads from a leg (``mr``) it
is heard by all others, and by every recording of either side. So what is not to be in the recording is played to each
party on the own leg, after the tap; what is to be in it goes both ways on one leg, which is not tapped.

Each of these bugs is a piece of the announcement. They are named by it, so that a snapshot tells which are ours, and
FreeSWITCH's own events say when they begin and end. A beep is one tone that FreeSWITCH repeats by itself: it goes on
while we are away, and ends with its leg. No packet, no mixing: a party hears nothing of it while nothing is sent there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

import structlog

from esl_app.lines import Media
from esl_app.messages import Event
from esl_app.names import media_of, piece_of
from esl_app.operations import Operations
from faults import SwitchFault, SwitchOperationFailed
from policy.types import Announcement
from recorder.effects import Announce, Hush
from recorder.events import Announced
from recorder.model import Direction, Source
from recorder.playback import Heard
from recorder.states import PlaybackInput

log = structlog.get_logger("freeswitch")

EVENTS = ("MEDIA_BUG_START", "MEDIA_BUG_STOP")
"""The events that tell of a piece."""

_UP_WITHIN = 2.5
_TO_THE_PARTY, _FROM_THE_PARTY = "m", "mr"


class _State(Enum):
    ASKED = auto()
    UP = auto()
    OVER = auto()


@dataclass(slots=True)
class Piece:
    """One media bug of an announcement: on which leg, and what it plays there."""

    leg: str
    media: Media
    state: _State = _State.ASKED

    @property
    def endless(self) -> bool:
        """Whether it has no end of its own."""
        return "loops" in self.media.parameters


@dataclass(slots=True)
class _Announcement:
    leg: str
    pieces: dict[int, Piece] = field(default_factory=dict)
    begins: bool = False
    playing: asyncio.Event = field(default_factory=asyncio.Event)
    hushed: bool = False
    cut: str = ""
    """Why it ends before its time."""

    @property
    def live(self) -> list[Piece]:
        return [one for one in self.pieces.values() if one.state is not _State.OVER]


class Announcements:
    """All announcements of one FreeSWITCH.

    Args:
        switch: the switch's name, for the events.
        operations: the connection.
        start: runs what nobody waits for.
        tell: takes each event.
        sequence: the next sequence number.
        clock: seconds since the Unix epoch; for what FreeSWITCH gives no time of.
    """

    def __init__(self, switch: str, operations: Operations, *, start: Callable[[Coroutine[None, None, None]], None],
                 tell: Callable[[Announced], None], sequence: Callable[[], int], clock: Callable[[], float]) -> None:
        self._switch = switch
        self._operations = operations
        self._start = start
        self._tell = tell
        self._sequence = sequence
        self._clock = clock
        self._open: dict[str, _Announcement] = {}

    async def announce(self, effect: Announce) -> None:
        """Begin all its pieces. That they play is FreeSWITCH's own word, which comes as events."""
        if effect.announcement in self._open:
            return
        one = self._open[effect.announcement] = _Announcement(effect.leg, begins=True)
        try:
            async with asyncio.timeout(_UP_WITHIN):
                await self._begin(effect, one)
                await one.playing.wait()
        except SwitchFault as fault:
            await self._fails(effect.announcement, one, _reason(fault, effect.what))
            return
        except TimeoutError:
            await self._fails(effect.announcement, one, "FreeSWITCH did not say in time that it plays")
            return
        one.begins = False
        if one.hushed or one.cut:
            await self._end(one)
        self._look(effect.announcement, one)

    async def hush(self, effect: Hush) -> None:
        """End it. Where FreeSWITCH cannot be asked, the next snapshot shows the announcement and it is asked again."""
        one = self._open.get(effect.announcement)
        if one is None:
            self._say(effect.announcement, PlaybackInput.ENDS, self._clock())
            return
        one.hushed = True
        if not one.begins:
            await self._end(one)
            self._look(effect.announcement, one)

    async def make_way(self, source: Source) -> None:
        """Before a recording of both directions begins: what is played to the party on that leg would be in it. A sound
        is cut short, and said again."""
        if not source.leg or source.directions == (Direction.IN,):
            return
        for identity, one in list(self._open.items()):
            if any(piece.leg == source.leg for piece in one.live):
                one.cut = "it would have been in the recording that begins"
                if not one.begins:
                    await self._end(one)
                    self._look(identity, one)

    def refused(self, effect: Announce, cause: str) -> None:
        """An announcement that never began, because too much waited."""
        self._say(effect.announcement, PlaybackInput.FAILS, self._clock(), cause)

    def received(self, event: Event) -> None:
        """One of `EVENTS`; most of them are of other media bugs."""
        found = piece_of(event.header("Media-Bug-Target") or "")
        if found is None or event.uuid is None:
            return
        identity, number, media = found
        one = self._open.get(identity)
        if one is None or number not in one.pieces:
            if event.name == "MEDIA_BUG_START":
                self._start(self._over([Piece(event.uuid, media)]))  # it was given up before it began
            return
        piece, at = one.pieces[number], event.timestamp if event.timestamp is not None else self._clock()
        if event.name == "MEDIA_BUG_START":
            piece.state = _State.UP
            if not one.playing.is_set() and all(other.state is not _State.ASKED for other in one.pieces.values()):
                one.playing.set()
                self._say(identity, PlaybackInput.PLAYS, at)
            return
        piece.state = _State.OVER
        rest: list[Piece] = []
        if event.header("Answer-State") != "hangup":
            rest = one.live if piece.endless else []  # it is to end for all its parties
        elif piece.leg == one.leg:
            del self._open[identity]  # it ends with its leg: the engine knows that, and what to make of it
            one.playing.set()
            rest = [other for other in one.live if other.leg != piece.leg]
        if rest and not one.hushed:
            self._start(self._over(rest))
        self._look(identity, one, at)

    def adopt(self, found: Mapping[str, Mapping[int, Piece]]) -> None:
        """What a snapshot shows is all that is played, but for what is being begun."""
        for identity in [identity for identity, one in self._open.items()
                         if not one.begins and identity not in found]:
            del self._open[identity]
        for identity, pieces in found.items():
            if 0 not in pieces:
                self._start(self._over(list(pieces.values())))  # left over from one that ended with its leg
                continue
            one = self._open.setdefault(identity, _Announcement(pieces[0].leg))
            if not one.begins:
                one.playing.set()
                one.pieces = {number: Piece(piece.leg, piece.media, _State.UP) for number, piece in pieces.items()}

    def forget(self) -> None:
        """The connection is new: what is played, its snapshot tells."""
        self._open.clear()

    async def _begin(self, effect: Announce, one: _Announcement) -> None:
        """Start a media bug for each way in which it is to be heard.

        Raises:
            SwitchFault: FreeSWITCH does not do it.
        """
        if effect.heard is Heard.ALL and effect.what.recorded:
            ways = [(effect.leg, _TO_THE_PARTY), (effect.leg, _FROM_THE_PARTY)]
        else:
            others = [leg for leg in effect.hearers if leg != effect.leg]
            ways = [(leg, _TO_THE_PARTY) for leg in (effect.leg, *others)]
        paths = [await self._path(leg, effect.what) for leg, _ in ways]
        if one.hushed or one.cut:
            one.playing.set()
            return
        for number, ((leg, _), path) in enumerate(zip(ways, paths, strict=True)):
            one.pieces[number] = Piece(leg, media_of(effect.announcement, number, path,
                                                     endless=effect.what.beep is not None))
        begun = await asyncio.gather(*(
            self._operations.job("uuid_displace", leg, "start", one.pieces[number].media, "0", flags)
            for number, (leg, flags) in enumerate(ways)), return_exceptions=True)
        for outcome in begun:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _path(self, leg: str, what: Announcement) -> str:
        """What the leg's FreeSWITCH plays: a tone, or a file below the folder of the leg's own sounds."""
        if what.beep is not None:
            on = round(what.beep.seconds * 1000)
            off = round((what.beep.every - what.beep.seconds) * 1000)
            return f"tone_stream://%({on},{off},{what.beep.hertz})"
        folder = (await self._operations.api("uuid_getvar", leg, "sound_prefix")).strip()
        return f"{folder.rstrip('/')}/{what.sound}.wav"

    async def _fails(self, identity: str, one: _Announcement, cause: str) -> None:
        """It did not begin: what has begun of it is ended."""
        if self._open.get(identity) is one:
            del self._open[identity]
        await self._end(one)
        self._say(identity, PlaybackInput.FAILS, self._clock(), cause)

    async def _end(self, one: _Announcement) -> None:
        await self._over(one.live)

    async def _over(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            if not await self._stop(piece):
                piece.state = _State.OVER

    async def _stop(self, piece: Piece) -> bool:
        """Ask for its end, which an event confirms; False where FreeSWITCH has nothing to end."""
        try:
            await self._operations.api("uuid_displace", piece.leg, "stop", piece.media)
        except SwitchOperationFailed as fault:
            return "answer" not in fault.details
        except SwitchFault as fault:
            log.debug("an announcement could not be ended", leg=piece.leg, why=fault.message)
        return True

    def _look(self, identity: str, one: _Announcement, at: float | None = None) -> None:
        """Tell of its end, if nothing of it is played any more."""
        if one.begins or one.live or self._open.get(identity) is not one:
            return
        del self._open[identity]
        failed = one.cut and not one.hushed
        self._say(identity, PlaybackInput.FAILS if failed else PlaybackInput.ENDS,
                  at if at is not None else self._clock(), one.cut if failed else "")

    def _say(self, announcement: str, news: PlaybackInput, at: float, cause: str = "") -> None:
        self._tell(Announced(switch=self._switch, at=at, sequence=self._sequence(), announcement=announcement,
                             news=news, cause=cause))


def _reason(fault: SwitchFault, what: Announcement) -> str:
    answer = fault.details.get("answer")
    name = "the beep" if what.sound is None else f"the sound {what.sound}"
    return f"FreeSWITCH cannot play {name} ({answer})" if answer else fault.message
