"""Everything that a switch has at one moment, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from recorder.model import Bridge, Leg, Source, TrackFile


@dataclass(frozen=True, slots=True, kw_only=True)
class TapFact:
    """A tap of ours as a snapshot found it on the switch.

    Attributes:
        source: what it is attached to, where ending it takes that.
    """

    segment: str
    source: Source | None = None
    started: float | None = None
    files: tuple[TrackFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything that a switch has at one moment: legs, bridges, our taps (``segment`` ids), and the ids of our
    announcements that are being played. ``coming``: the segments whose attach is under way on this connection; what
    becomes of it is told after this. ``read``: leg -> the number in the order of events at which it was read, where the
    switch tells; what has a lower one is older."""

    legs: tuple[Leg, ...] = ()
    bridges: tuple[Bridge, ...] = ()
    taps: tuple[TapFact, ...] = ()
    announcements: tuple[str, ...] = ()
    coming: tuple[str, ...] = ()
    read: Mapping[str, int] = field(default_factory=dict)
