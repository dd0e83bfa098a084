"""What the engine can ask for. The driver stores effects with the change that caused them, then performs them; what
came of one arrives as an event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from policy.types import Announcement
from recorder.model import Leg, Source
from recorder.playback import Heard


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide:
    """Ask policy about a call; the answer is a ``Decided``."""

    call: str
    caller: Leg
    callee: Leg | None
    requested: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Set variables on a leg, for the dialplan to read."""

    call: str
    leg: str
    channel: str
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Let go of a leg that waits for its decision, with these variables for its dialplan. A call waits for this: it is
    performed at once, before anything is written. ``inside``: as in ``Held``; such a leg has them as its own variables,
    and by a ``Mark`` where other legs find them."""

    call: str
    leg: str
    channel: str
    variables: Mapping[str, str]
    inside: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Attach:
    """Attach a tap. Doing it twice does no harm: the segment's id names the tap."""

    call: str
    segment: str
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Detach:
    """End a tap. It overtakes every queue and rate limit. ``destroy``: by force, the switch did not confirm."""

    call: str
    segment: str
    source: Source
    destroy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Announce:
    """Play an announcement on a leg, over what is said there: a sound once, a beep until it is hushed or the leg ends.

    Doing it twice does no harm: its id names it on the switch. ``hearers``: the legs of all whom it tells, for a switch
    whose taps hear what is said to others on the tapped leg."""

    call: str
    announcement: str
    leg: str
    heard: Heard
    what: Announcement
    hearers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hush:
    """End an announcement. ``leg``: on which it is played; empty where that is not known."""

    call: str
    announcement: str
    leg: str = ""


class Answer(StrEnum):
    """How a request came out."""

    DONE = "done"
    CONFIRMED = "confirmed"
    FORCED = "forced"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Tell whoever asked. ``message`` is a sentence for a person."""

    request: str
    answer: Answer
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resync:
    """Read everything from the switch again; the answer is a ``SwitchUp``."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """A recording's media are complete: its job begins."""

    call: str
    recording: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopt:
    """Look whether the switch recorded a conference by itself, and take the file over: an ``Adopted`` follows.

    Attributes:
        segment: the id that the file gets. name: the conference's, which may be what a caller chose.
        since: when the conference began; what was written last before that is an earlier one's.
    """

    call: str
    segment: str
    name: str
    since: float


Effect = Decide | Mark | Release | Attach | Detach | Announce | Hush | Reply | Resync | Finish | Adopt
EFFECTS: tuple[type[Effect], ...] = (Decide, Mark, Release, Attach, Detach, Announce, Hush, Reply, Resync,
                                     Finish, Adopt)
