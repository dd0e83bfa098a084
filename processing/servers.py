"""What recording servers have of a recording: the evidence of it, by track, and what is told of it. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ledger.tables import Json
from media.carried import BORDER_LIMIT_S, Sent, ServerEvidence, Span, Stretch, spans
from media.spans import merged, subtracted
from media.timeline import Gap
from policy.types import RecordingTarget
from processing import holds
from processing.tracks import began, track_of
from recorder.carrying import RESTARTED
from recorder.model import Call, Carried, Direction, Pause, Recording, Segment, Session, Sink
from recorder.states import SegmentState

MIXED = "mixed"
"""What a session's manifest calls the stream with everybody on it."""
_PLAIN = frozenset(" .,:;()/+-'")
_LONGEST = 120
_NUMBER = re.compile(r"\d{5,}")


def wanted(call: Call) -> bool:
    """Whether a recording server is to have the call."""
    return call.to_server


def alone(call: Call) -> bool:
    """Whether it is, and files only take its place."""
    return call.decision is not None and call.decision.target is RecordingTarget.SIPREC


def packets(recording: Recording) -> int:
    """How many packets servers were sent of all tracks."""
    return sum(carried.sent for segment in recording.segments for carried in segment.carried)


def evidence(call: Call, recording: Recording, track: str, files: Sequence[Span], *, within: float) -> ServerEvidence:
    """All that is known of what servers were sent of a track.

    Args:
        files: the time that files have of it, in order and apart.
        within: how long the first session may take (s).
    """
    stop = _stop(recording)
    asked = _of_policy(recording)
    silent = [(max(low, session.asked), min(high, stop if session.ended is None else session.ended))
              for session in asked for low, high in _silences(call, session.server, stop)]
    return ServerEvidence(track, stretches(recording, track), excused=_excused(call, stop, silent), within=within,
                          why=why(recording), wanted=None if alone(call) else (began(recording), stop),
                          files=files if alone(call) else ())


def named_evidence(call: Call, recording: Recording, track: str, *, within: float) -> list[ServerEvidence]:
    """The same of each server that somebody named, for each time that it was; without those that had no time for it.
    Files excuse none of them."""
    stop = _stop(recording)
    found = []
    for named in call.named:
        ended = stop if named.ended is None else min(named.ended, stop)
        sessions = [session for session in recording.sessions if session.named and session.server == named.server
                    and session.asked < ended and (session.ended is None or session.ended > named.asked)]
        taps = [replace(tap, begun=max(tap.begun, named.asked), ended=min(tap.ended, ended))
                for tap in _stretches(recording, track, sessions) if tap.begun < ended and tap.ended > named.asked]
        excused = _excused(call, stop, _silences(call, named.server, stop))
        due = [high - low for tap in taps for low, high in subtracted((tap.begun, tap.ended), excused)]
        if sum(due) > within + BORDER_LIMIT_S:
            found.append(ServerEvidence(track, taps, excused=excused, within=within, why=_why(recording, sessions),
                                        server=named.server))
    return found


def stretches(recording: Recording, track: str) -> list[Stretch]:
    """The taps for servers that fed a track, with what those that policy wants were sent of them."""
    return _stretches(recording, track, _of_policy(recording))


def why(recording: Recording) -> str:
    """What stood between a recording and the servers that policy wants, as far as anybody said; a server's own words
    without what could be read as anything but words."""
    return _why(recording, _of_policy(recording))


def _of_policy(recording: Recording) -> list[Session]:
    return [session for session in recording.sessions if not session.named]


def _stretches(recording: Recording, track: str, sessions: Sequence[Session]) -> list[Stretch]:
    servers = {session.id: session.server for session in sessions}
    return [Stretch(segment.started, segment.ended if segment.ended is not None else _stop(recording),
                    [_sent(carried, servers) for carried in segment.carried
                     if carried.session in servers and _has(segment, carried.direction, track)])
            for segment in _for_servers(recording) if segment.started is not None
            and any(_has(segment, direction, track) for direction in segment.source.directions)]


def _excused(call: Call, stop: float, silent: Sequence[Span]) -> list[Span]:
    return merged([*(_paused(pause, stop) for pause in call.pauses), *holds.spans(call, stop), *silent])


def _silences(call: Call, server: str, stop: float) -> list[Span]:
    return [_paused(pause, stop) for pause in call.silences if pause.server == server]


def _why(recording: Recording, sessions: Sequence[Session]) -> str:
    said = [f"{session.server}: {session.cause}" for session in sessions if session.cause]
    taps = [segment.cause for segment in _for_servers(recording) if segment.cause == RESTARTED
            or (segment.cause and segment.state in (SegmentState.FAILED, SegmentState.LOST))]
    said += [cause for cause in taps if not any(one.endswith(cause) for one in said)]
    return "; ".join(dict.fromkeys(plain(one) for one in said))


def plain(words: str) -> str:
    """What another machine said, for a sentence: letters and harmless signs, not too many, and no number that could be
    somebody's."""
    words = _NUMBER.sub("_", words)
    return "".join(sign if sign.isalnum() or sign in _PLAIN else "_" for sign in words)[:_LONGEST].rstrip(" .;:")


def told_apart(gaps: Iterable[Gap], call: Call, recording: Recording, rate: int) -> list[Gap]:
    """The gaps of files that only take a server's place: what was not tapped for one, as ``carried`` where a server was
    sent it, and as ``uncarried`` where it should have been.

    Args:
        rate: samples a second (Hz) of the output.
    """
    if not alone(call):
        return list(gaps)
    told: list[Gap] = []
    for gap in gaps:
        taps = stretches(recording, gap.track)
        rest = holds.told_apart([gap], spans(taps), rate, "carried")
        told += holds.told_apart(rest, merged((tap.begun, tap.ended) for tap in taps), rate, "uncarried")
    return told


def of_session(recording: Recording, session: Session) -> list[dict[str, Json]]:
    """What one session's server was sent, by track, or of all of them ``mixed``: packets ``sent``, ``lost`` before us,
    and ``unheard`` by the server's own word, None where it said nothing."""
    sent: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    unheard: dict[str, int] = {}
    for segment in recording.segments:
        for carried in segment.carried:
            if carried.session == session.id:
                track = MIXED if carried.direction is Direction.MIX else track_of(segment, carried.direction)
                sent[track] += carried.sent
                lost[track] += carried.lost
                if carried.unheard is not None:
                    unheard[track] = unheard.get(track, 0) + carried.unheard
    return [{"track": track, "sent": sent[track], "lost": lost[track], "unheard": unheard.get(track)}
            for track in sent]


def _for_servers(recording: Recording) -> list[Segment]:
    return [segment for segment in recording.segments if segment.source.sink is Sink.SERVER]


def _has(segment: Segment, direction: Direction, track: str) -> bool:
    """Whether a track is on the stream that a direction of a tap feeds: a mix has every track."""
    return direction is Direction.MIX or track_of(segment, direction) == track


def _sent(carried: Carried, servers: dict[str, str]) -> Sent:
    return Sent(servers[carried.session], carried.first, carried.last, carried.received, carried.sent,
                carried.lost, carried.unheard)


def _stop(recording: Recording) -> float:
    """When it was over (s)."""
    ends = [segment.ended for segment in recording.segments if segment.ended is not None]
    return recording.ended if recording.ended is not None else max(ends, default=began(recording))


def _paused(pause: Pause, stop: float) -> Span:
    """A pause; if the switch's clock was stepped back in it, all between the two counts as pause."""
    resumed = stop if pause.resumed is None else pause.resumed
    return min(pause.asked, resumed), max(pause.asked, resumed)
