"""What a switch, or a person, can tell the engine.

Every event carries the switch's name, ``at`` (seconds since the Unix epoch, UTC, on the clock of whoever tells it) and
``sequence``, which grows with every event of one connection. A later event about the same leg or bridge replaces an
earlier one, so an event that comes twice or late does no harm.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from policy.types import Decision
from recorder.model import Bridge, Carried, Direction, Leg, RtpCounters, Session, Then, TrackFile
from recorder.snapshot import Snapshot
from recorder.states import PlaybackInput

_LONGEST_REASON = 120  # characters
_NAME = re.compile(r"(?!.*[0-9]{5})[a-z][a-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What all events carry."""

    switch: str
    at: float
    sequence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchUp(Event):
    """The connection stands and this is everything that the switch has. ``boot`` changes when the switch restarts."""

    boot: str
    snapshot: Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchFound(Event):
    """The switch was reached: what it kept for us while we were away comes next, and then a ``SwitchUp``."""

    boot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchDown(Event):
    """The connection is gone. What is attached goes on by itself."""

    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegIs(Event):
    """A leg exists and looks like this now."""

    leg: Leg


@dataclass(frozen=True, slots=True, kw_only=True)
class Held(Event):
    """A leg waits for its decision.

    Attributes:
        leg: its id; a ``LegIs`` came before.
        choice: what its dialplan says of the wish to be recorded, or None.
        inside: it waits in our application, and for ever; else in its dialplan, for the variables and not for long.
    """

    leg: str
    choice: bool | None = None
    inside: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LegGone(Event):
    """A leg ended."""

    leg: str
    cause: str = ""
    counters: RtpCounters | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeIs(Event):
    """A bridge has these members now, all of them; none means that it is gone or empty."""

    bridge: Bridge


@dataclass(frozen=True, slots=True, kw_only=True)
class LegReplaced(Event):
    """``new`` stands where ``old`` stood (INVITE with Replaces, pickup, Local channel optimisation)."""

    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transferred(Event):
    """``by`` handed ``legs`` on; they stay in their conversation while they wait for the next party."""

    by: str
    legs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TapUp(Event):
    """The switch confirms that a segment's audio is being written. ``started`` is the switch's own time."""

    segment: str
    started: float
    files: tuple[TrackFile, ...]


DETACHED = "detached"
"""The cause of the end of a tap that we ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TapDown(Event):
    """The switch confirms that a segment's tap is gone and its files are closed. ``started``: as in ``TapUp``, which
    may have been lost; None where the switch does not say it again. ``ended``: None where nobody saw it. ``cause``:
    ``DETACHED``, or the switch's words. ``empty``: it ended before there was anything to write, and the switch kept no
    file. ``carried``: what recording servers were sent of it. A tap that was never up is a ``TapFailed``."""

    segment: str
    cause: str
    ended: float | None
    started: float | None = None
    files: tuple[TrackFile, ...] = ()
    empty: bool = False
    carried: tuple[Carried, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TapFailed(Event):
    """A tap could not be attached, or broke before any audio. ``hopeless``: nor can another one of that source."""

    segment: str
    cause: str
    hopeless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed(Event):
    """The watchdog looked at a tap's files: one of them has ``bytes`` bytes, and has had them for ``still`` seconds."""

    segment: str
    bytes: int
    still: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Unheard(Event):
    """A track of a tap has been nothing but fill for ``seconds``, in which packets came from its leg (went to it, on
    the other track). ``heard``: whether that tap has heard anything on that track before. ``passed``: False where
    the switch was seen to pass none of the leg's packets on to the other party."""

    segment: str
    direction: Direction
    seconds: float
    heard: bool
    passed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced(Event):
    """What the switch says of an announcement: it plays, it ended as it should, or it failed, and why.

    A hush is confirmed by ``ENDS``, also of an announcement that was never there."""

    announcement: str
    news: PlaybackInput
    cause: str = ""


class Verb(StrEnum):
    """What can be asked for."""

    START = "start"
    STOP = "stop"
    PAUSE = "pause"
    RESUME = "resume"


class ActorKind(StrEnum):
    """Who asks: a party on a leg (feature code), the dialplan, an operator (CLI, API), or the service itself."""

    PARTY = "party"
    DIALPLAN = "dialplan"
    OPERATOR = "operator"
    SERVICE = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Event):
    """Somebody asks for a start, stop, pause or resume.

    Attributes:
        request: the id that the Reply will carry.
        target: a leg id (all calls that can hear it) or a call id.
        owner: the holder of a pause; two owners' pauses are independent. See `owner_is_valid`.
        reason: why, in words. Whoever asks, in whatever way: its digits are stars before anybody reads it here, control
            characters are spaces, and it has at most 120 characters. A caller's card number gets no further.
        longest: seconds after which a pause ends by itself, or None. then: what follows that.
        farewell: with a stop: the name of a sound that each party then hears, or None.
        server: the one recording server that is meant, by its name in the settings; empty: everything. What could be no
            such name, which may be somebody's number, is a question mark before anybody reads it here.
    """

    request: str
    verb: Verb
    target: str
    actor: ActorKind
    actor_leg: str | None = None
    owner: str = "operator"
    reason: str = ""
    longest: float | None = None
    then: Then = Then.RESUME
    farewell: str | None = None
    server: str = ""

    def __post_init__(self) -> None:
        words = "".join("*" if sign.isdigit() or sign.isnumeric() else sign if sign.isprintable() else " "
                        for sign in self.reason[:_LONGEST_REASON])
        object.__setattr__(self, "reason", words.strip())
        if self.server and not server_is_valid(self.server):
            object.__setattr__(self, "server", "?")


def owner_is_valid(owner: str) -> bool:
    """Whether a pause may be held under that name: a small letter, then small letters, digits, _ or -, at most 32
    signs; no five digits in a row, which could be somebody's number."""
    return _NAME.fullmatch(owner) is not None


def server_is_valid(server: str) -> bool:
    """Whether a recording server may have that name. The rule is that of `owner_is_valid`."""
    return _NAME.fullmatch(server) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided(Event):
    """Policy has decided."""

    call: str
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted(Event):
    """A file that the switch wrote of a conference by itself was looked for; without ``files`` there is none.

    Attributes:
        started, ended: of the audio in it.
    """

    call: str
    segment: str
    started: float = 0.0
    ended: float = 0.0
    files: tuple[TrackFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionIs(Event):
    """A recording's session with a server looks like this now."""

    recording: str
    session: Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Silenced(Event):
    """Nothing of a call goes to that recording server any more, by the pauses that were asked for until ``asked``."""

    call: str
    server: str
    asked: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick(Event):
    """Time has passed; ``next_deadline()`` said when to send it."""


CallEvent = (SwitchUp | SwitchFound | SwitchDown | LegIs | Held | LegGone | BridgeIs | LegReplaced | Transferred
             | TapUp | TapDown | TapFailed | Observed | Unheard | Announced | Asked | Decided | Adopted | SessionIs
             | Silenced | Tick)
EVENTS: tuple[type[CallEvent], ...] = (SwitchUp, SwitchFound, SwitchDown, LegIs, Held, LegGone, BridgeIs, LegReplaced,
                                       Transferred, TapUp, TapDown, TapFailed, Observed, Unheard, Announced, Asked,
                                       Decided, Adopted, SessionIs, Silenced, Tick)
