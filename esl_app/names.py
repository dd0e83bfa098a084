"""What our recordings, announcements and legs are called on FreeSWITCH: by the ids of segment and announcement, so
that a snapshot tells which of them are ours. Pure."""

from __future__ import annotations

import posixpath
import re

from esl_app.lines import Media
from recorder.model import Direction, TrackFile

FOLDER = "phonograph"
"""The folder below the spool."""
TAPPED = "recorder_tapped"
"""The variable of a leg of ours that has the leg which it taps."""

_IN = "-in"
_FILE = re.compile(rf"{FOLDER}/([0-9a-f-]{{36}}\.[0-9]+)({_IN})?\.wav")
_BOTH = (Direction.IN, Direction.OUT)

_LEG = re.compile(rf"{FOLDER}\.([0-9a-f-]{{36}}\.[0-9]+)\.(in|out|mix)")

_ENDLESS = ",loops=-1"
_PIECE = re.compile(r"\{recorder_announcement=([0-9a-f-]{36}\.a[0-9]+),recorder_piece=([0-9]{1,4})"
                    rf"({_ENDLESS})?\}}([^{{}}]+)")


def path(segment: str, directions: tuple[Direction, ...]) -> str:
    """The file of a segment, below the spool: a stereo file, a member's track, or a conference's mix."""
    return f"{FOLDER}/{segment}{_IN if directions == (Direction.IN,) else ''}.wav"


def parse(name: str) -> tuple[str, tuple[Direction, ...]] | None:
    """Segment and directions of a leg's recording by its path below the spool, or None where it is not ours."""
    found = _FILE.fullmatch(name)
    return (found[1], (Direction.IN,) if found[2] else _BOTH) if found is not None else None


def files(segment: str, directions: tuple[Direction, ...]) -> tuple[TrackFile, ...]:
    """The tracks in a segment's file: what FreeSWITCH reads from the leg's phone is the left channel."""
    return tuple(TrackFile(direction=direction, path=path(segment, directions), channel=channel)
                 for channel, direction in enumerate(directions))


def tap_leg(segment: str, direction: Direction) -> str:
    """The leg of ours by which FreeSWITCH sends a direction of a tap to a recording server: its channel's id."""
    return f"{FOLDER}.{segment}.{direction.value}"


def tapped_by(leg: str) -> tuple[str, Direction] | None:
    """Segment and direction of such a leg, by its id; None for any other."""
    found = _LEG.fullmatch(leg)
    return (found[1], Direction(found[2])) if found is not None else None


def below(spool: str, name: str) -> str | None:
    """A path as FreeSWITCH names it, as one below the spool; None for any other.

    Args:
        spool: the folder, as the switch sees it.
    """
    # FreeSWITCH puts parameters of its own in front of the path of a conference with video.
    name = name[name.index("}") + 1:] if name.startswith("{") and "}" in name else name
    folder = spool.rstrip("/") + "/"
    return name.removeprefix(folder) if name.startswith(folder) and posixpath.normpath(name) == name else None


def media_of(announcement: str, number: int, path: str, *, endless: bool) -> Media:
    """What to play of an announcement, under a name that only this piece of it has.

    Args:
        number: of the piece; several may be played on one leg.
        endless: whether a tone begins again whenever it ends.
    """
    loops = {"loops": "-1"} if endless else {}
    return Media(path, {"recorder_announcement": announcement, "recorder_piece": str(number), **loops})


def piece_of(target: str) -> tuple[str, int, Media] | None:
    """Announcement, number and media of what a leg plays, by its name on FreeSWITCH; None where it is not ours."""
    found = _PIECE.fullmatch(target)
    if found is None:
        return None
    return found[1], int(found[2]), media_of(found[1], int(found[2]), found[4], endless=found[3] is not None)
