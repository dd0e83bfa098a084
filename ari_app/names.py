"""What our snoops, their recordings and their bridges are called on Asterisk: the segment and the direction, so that a
snapshot tells which of its channels and bridges are ours. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from recorder.model import Direction, TrackFile

FOLDER = "phonograph"
"""The folder below Asterisk's recording spool."""

_MEMBER = "-member"


def snoop_id(segment: str, direction: Direction) -> str:
    """The id of the snoop channel of a segment's direction."""
    return f"{segment}-{direction.value}"


def member_id(segment: str) -> str:
    """The id of the far half of our quiet member of a conference: the half that is in the conference."""
    return f"{snoop_id(segment, Direction.MIX)}{_MEMBER}"


def member_of(identity: str) -> str | None:
    """The segment whose quiet member has that id, or None where it is not ours."""
    parsed = parse(identity.removesuffix(_MEMBER)) if identity.endswith(_MEMBER) else None
    return parsed[0] if parsed is not None and parsed[1] is Direction.MIX else None


def ours(channel: str) -> bool:
    """Whether we made the channel of that id."""
    return (parse(channel) is not None or member_of(channel) is not None or announcement_of(channel) is not None
            or part_of(channel) is not None)


class Piece(StrEnum):
    """What a direction that goes to a recording server is made of."""

    SNOOP = "snoop"
    SENDER = "rtp"
    BRIDGE = "bridge"


@dataclass(frozen=True, slots=True)
class Part:
    """A channel or a bridge of ours by which a segment's direction goes to a recording server."""

    segment: str
    direction: Direction
    piece: Piece

    def __str__(self) -> str:
        """Its id on Asterisk."""
        return f"{snoop_id(self.segment, self.direction)}-{self.piece}"


def part_of(identity: str) -> Part | None:
    """What has that id, or None where it goes to no recording server of ours."""
    tapped, dash, piece = identity.rpartition("-")
    parsed = parse(tapped) if dash and piece in set(Piece) else None
    return Part(*parsed, Piece(piece)) if parsed is not None else None


def recording_name(segment: str, direction: Direction) -> str:
    """The name that Asterisk records under: a file below its recording spool, without ``.wav``."""
    return f"{FOLDER}/{snoop_id(segment, direction)}"


def parse(identity: str) -> tuple[str, Direction] | None:
    """Segment and direction of a snoop's id or of a recording's name, or None where it is not ours."""
    name = identity.removeprefix(f"{FOLDER}/")
    segment, dash, direction = name.rpartition("-")
    if not dash or "." not in segment or direction not in set(Direction):
        return None
    return segment, Direction(direction)


def announcement_channel(announcement: str) -> str:
    """The id of the snoop channel that says an announcement, and of what is played into it."""
    return f"{announcement}-say"


def announcement_of(identity: str) -> str | None:
    """The announcement of a snoop's or a playback's id, or None where it is none of ours."""
    announcement = identity.removesuffix("-say")
    return announcement if announcement != identity and ".a" in announcement else None


def shared(channel: str, variables: Mapping[str, str]) -> dict[str, str] | None:
    """The variables under the names by which ARI sets them as shared ones of the channel of that name; None where its
    name, in which may stand what a caller dialled, would end a variable's."""
    if set(channel) & set(",()[]${}\"'\\"):
        return None
    return {f"SHARED({name},{channel})": value for name, value in variables.items()}


def files(segment: str, directions: tuple[Direction, ...]) -> tuple[TrackFile, ...]:
    """The files of a segment, relative to the recording spool."""
    return tuple(TrackFile(direction=direction, path=f"{recording_name(segment, direction)}.wav")
                 for direction in directions)
