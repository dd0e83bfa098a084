"""A recording that went to recording servers: its taps, its sessions and what the relay has counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from media.carried import PACKET_S
from policy.types import RecordingTarget
from recorder.ids import segment_id
from recorder.model import Carried, Direction, Segment, Session, Sink, Source
from recorder.states import SegmentState, SessionState
from tests.processing.scene import BEGAN, Scene

MAIN, SECOND = "1@us", "2@us"


def sent(direction: Direction, begin: float, end: float, *, session: str = MAIN, **changes: Any) -> Carried:
    """A server was sent a direction from ``begin`` to ``end`` (s after the call's begin)."""
    packets = round((end - begin) / PACKET_S)
    whole = Carried(session=session, direction=direction, first=BEGAN + begin, last=BEGAN + end - PACKET_S,
                    received=packets, sent=packets, unheard=0)
    return replace(whole, **changes)


def both_ways(begin: float, end: float, *, session: str = MAIN, **changes: Any) -> tuple[Carried, ...]:
    return tuple(sent(direction, begin, end, session=session, **changes) for direction in (Direction.IN, Direction.OUT))


def session(identity: str = MAIN, server: str = "main", *, up: float | None = 0.1, ended: float | None = None,
            cause: str = "") -> Session:
    """A session that is over."""
    return Session(id=identity, server=server, state=SessionState.OVER, asked=BEGAN, cause=cause,
                   up=BEGAN + up if up is not None else None, ended=BEGAN + ended if ended is not None else None)


def served(folder: Path, target: RecordingTarget, *carried: Carried, sessions: tuple[Session, ...] = (),
           file: tuple[float, float] | None = None, segment: dict[str, Any] | None = None, **given: Any) -> Scene:
    """A call of 4 s that policy sends to ``target``, with one tap for servers.

    Args:
        file: from when to when (s) a tap wrote files; None: there was none.
        segment: changes of the tap for servers.
        given: to the scene.
    """
    scene = Scene(folder, **given)
    (written,) = scene.call.recordings[0].segments
    number = segment_id(scene.recording, 1)
    tap = replace(Segment(
        id=number, source=Source(leg="id-alice", directions=(Direction.IN, Direction.OUT), sink=Sink.SERVER),
        side="caller", state=SegmentState.DOWN, asked=BEGAN, started=BEGAN, ended=BEGAN + scene.seconds,
        cause="hangup", carried=carried), **(segment or {}))
    files = () if file is None else (replace(written, started=BEGAN + file[0], ended=BEGAN + file[1]),)
    scene.with_recording(segments=(tap, *files), sessions=sessions or (session(ended=scene.seconds),))
    assert scene.call.decision is not None
    scene.call = replace(scene.call, decision=replace(scene.call.decision, target=target))
    return scene


def finished(scene: Scene) -> tuple[str, list[str]]:
    """Do its job; the state that it came to, and why."""
    scene.enqueue()
    scene.finish()
    kept = scene.kept()
    assert kept.result is not None
    reasons = kept.result["reasons"]
    assert isinstance(reasons, list)
    return kept.recording.state.value, [str(reason) for reason in reasons]
