"""An announcement as it is played: a frozen value, with its times on the switch's clock as in :mod:`recorder.model`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from recorder.states import PlaybackState


class Heard(StrEnum):
    """Who hears an announcement: the party on its leg only, or that party and everybody whom it talks with."""

    LEG = "leg"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Playback:
    """An announcement as it is played; what it is stands in the call's decision, or it is a ``sound`` of its own, which
    says that the recording is over.

    Attributes:
        id: also its name on the switch; begins with the recording that it speaks of.
        leg: the leg on which it is played. hearers: the parties (legs) whom it tells, of those who were there.
        started, ended: by the switch's own events. cause: why it ended, where nobody here asked for that.
    """

    id: str
    leg: str
    heard: Heard
    hearers: tuple[str, ...]
    state: PlaybackState
    asked: float
    started: float | None = None
    ended: float | None = None
    cause: str = ""
    sound: str | None = None
