"""Step ``compose``: the mixed file, the stereo file and one of each party, in this worker's own folder."""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from enum import StrEnum
from io import BufferedReader
from typing import Any, cast

import structlog

from faults import TrackMissing
from ledger.tables import Json
from media.compose import Artefact, compose
from media.seam import Seam, search
from media.timeline import GAP_MINIMUM_S, Gap, Overlap, Pause, Seams, SegmentFacts, Timeline, TrackFile, overlaps, plan
from media.wav import repair
from processing import holds, servers
from processing.files import make_folder, new_file
from processing.step import Context, Facts
from processing.tracks import MIX, began, expected_tracks
from recorder import deafness, model
from recorder.events import DETACHED
from recorder.holding import HELD, QUEUED
from recorder.model import CallKind, Sink
from recorder.taps import UNREAD

log = structlog.get_logger("jobs")

_ENDED_BY_US = (DETACHED, HELD, QUEUED, UNREAD, *deafness.CAUSES)
# What no tap covered, pauses left aside, before a track counts as incomplete: a tap that moves to another leg, or comes
# back after a pause, needs some 50 ms.
UNTAPPED_LIMIT_S = 0.5


class Layout(StrEnum):
    """What is composed of a recording: everybody in one channel (of a conference always), the caller left and the
    callee right (of a conference never), a file for each track."""

    MIXED = "mixed"
    STEREO = "stereo"
    PARTIES = "parties"


LAYOUTS = frozenset({Layout.MIXED, Layout.STEREO})


class Compose:
    """Facts.

    ``files``: for each kind (``mixed``, ``stereo``, ``party-1`` and so on, in the order of the tracks) the path below
    the work folder, bytes, SHA-256, samples, rate and channels, and the ``track`` of a party's; none if no track has a
    single sample. ``startTime``, ``stopTime`` (s), ``pauses``, ``gaps``, ``trimmed`` (samples), and
    ``reasons``: sentences about what no tap covered.
    """

    name = "compose"
    lasting = False

    def __init__(self, layouts: frozenset[Layout] = LAYOUTS) -> None:
        self._layouts = layouts

    def run(self, context: Context) -> Facts:
        """Mend the headers of the recorded files where a killed writer left wrong ones, and compose the outputs.

        What was wrong is in the ledger by now. A file that we may not write is read rightly all the same.

        Raises:
            TrackMissing, RateMismatch, WavInvalid: as :func:`media.compose.compose`.
        """
        found = cast(list[dict[str, Any]], context.facts["verify"]["files"])
        for file in found:
            if file["defect"] is not None and file["samples"] is not None:
                _mend(context, file["path"])
        start, pauses, timeline = _timeline(context, found)
        stop = start + timeline.samples / timeline.rate
        gaps = holds.told_apart(timeline.gaps, holds.spans(context.call, stop), timeline.rate)
        gaps = servers.told_apart(gaps, context.call, context.recording, timeline.rate)
        files: dict[str, Json] = {}
        if any(file["samples"] for file in found):
            for file in found:
                log.info("file processed", recording=context.recording.id, file=file["path"], samples=file["samples"])
            files = self._write(context, timeline, found, (start, stop))
        return {
            "files": files,
            "startTime": start,
            "stopTime": stop,
            "pauses": [{"start": placed.start, "stop": placed.stop, "reason": pause.reason, "owner": pause.owner,
                        "actor": pause.actor, "confirmed": pause.confirmed}
                       for pause, placed in zip(pauses, timeline.pauses, strict=True)],
            "gaps": [{"track": gap.track, "start": gap.start, "stop": gap.stop, "cause": gap.cause}
                     for gap in gaps],
            "trimmed": sum(trim.count for trim in timeline.trims),
            "reasons": [*_reasons(context, gaps), *_died(context), *_unread(context)],
        }

    def _write(self, context: Context, timeline: Timeline, found: list[dict[str, Any]],
               span: tuple[float, float]) -> Facts:
        make_folder(context.folder, 0o700)
        alone = context.call.kind is CallKind.CONFERENCE
        # The mix of a conference is more than its members' tracks, of which any may be missing.
        wanted = {Layout.MIXED} if alone else self._layouts
        kinds = [one for one in (Layout.MIXED, Layout.STEREO) if one in wanted]
        if Layout.PARTIES not in self._layouts:
            return _outputs(context, timeline, kinds, {})
        if not alone:
            return _outputs(context, timeline, kinds, _numbered(timeline.tracks))
        # The mix has every voice in it already: what each member says is composed by itself.
        members = _members(context, found, span)
        mixed = _outputs(context, timeline, kinds, {})
        return {**mixed, **_outputs(context, members, [], _numbered(members.tracks))}


def _mend(context: Context, file: str) -> None:
    path = context.recorded_file(file)
    if path is None:
        return
    with contextlib.suppress(PermissionError), path.open("r+b") as opened:
        repair(opened)
        opened.flush()
        os.fsync(opened.fileno())
    context.checkpoint("mended .wav")


def _timeline(context: Context, found: list[dict[str, Any]]) -> tuple[float, list[model.Pause], Timeline]:
    """Where the output begins (s), the pauses in it, and the plan of it."""
    recording, call = context.recording, context.call
    tracks = expected_tracks(call, recording)
    if any(file["track"] == MIX and file["samples"] for file in found):
        # The members' voices are in the conference's mix already.
        tracks, found = (MIX,), [file for file in found if file["track"] == MIX]
    segments = _segments(context, found)
    start = began(recording)
    ends = [one.ended for one in segments if one.ended is not None]
    # A conference is not tapped while fewer than two are in it: its output ends with its last tap.
    if recording.ended is not None and call.kind is CallKind.CALL:
        ends.append(recording.ended)
    stop = max(ends, default=start)
    pauses = _pauses(context, start, stop)
    timeline = plan(start=start, stop=stop, tracks=tracks, segments=segments,
                    pauses=[Pause(one.asked, one.resumed, one.reason) for one in pauses],
                    seams=_seams(context, segments))
    return start, pauses, timeline


def _members(context: Context, found: list[dict[str, Any]], span: tuple[float, float]) -> Timeline:
    """The plan of a conference's members, each alone, over the time of its mix."""
    segments = _segments(context, [file for file in found if file["track"] != MIX])
    tracks = [track for track in expected_tracks(context.call, context.recording) if track != MIX]
    return plan(start=span[0], stop=span[1], tracks=tracks, segments=segments, seams=_seams(context, segments),
                pauses=[Pause(one.asked, one.resumed, one.reason) for one in _pauses(context, *span)])


def _segments(context: Context, found: list[dict[str, Any]]) -> list[SegmentFacts]:
    by_segment: defaultdict[str, list[TrackFile]] = defaultdict(list)
    for file in found:
        by_segment[file["segment"]].append(
            TrackFile(file["track"], file["path"], file["samples"] or 0, file["rate"], file["channel"]))
    return [SegmentFacts(one.id, one.started if one.started is not None else one.asked, one.ended,
                         tuple(by_segment[one.id]))
            for one in context.recording.segments if one.started is not None or by_segment[one.id]]


def _pauses(context: Context, start: float, stop: float) -> list[model.Pause]:
    return [one for one in context.call.pauses if one.asked < stop and (one.resumed is None or one.resumed > start)]


def _seams(context: Context, segments: Sequence[SegmentFacts]) -> Seams:
    """Where taps that were renewed go over into one another; those where nothing matches follow the clock."""
    found = {(one.track, one.segment): _seam(context, one) for one in overlaps(segments)}
    return {key: seam for key, seam in found.items() if seam is not None}


def _seam(context: Context, overlap: Overlap) -> Seam | None:
    earlier, later = overlap.earlier, overlap.later
    with _open(context, earlier.file) as first, _open(context, later.file) as second:
        return search(first, second, expected=overlap.expected, channels=(earlier.channel, later.channel))


def _reasons(context: Context, gaps: Iterable[Gap]) -> list[str]:
    if context.call.kind is CallKind.CONFERENCE:
        return []
    untapped: defaultdict[str, float] = defaultdict(float)
    for gap in gaps:
        if gap.cause == "not-tapped":
            untapped[gap.track] += gap.stop - gap.start
    return [f"Track {track} was not tapped for {seconds:.1f} s." for track, seconds in untapped.items()
            if seconds > UNTAPPED_LIMIT_S]


def _unread(context: Context) -> list[str]:
    """Where the media went past the switch for a while, or until the end, of which no tap tells."""
    said = []
    ordered = _in_order(context)
    for number, one in enumerate(ordered):
        if one.cause == UNREAD and one.ended is not None:
            until = next((later.started for later in ordered[number + 1:]), context.call.ended)
            missing = (until or one.ended) - one.ended
            if missing > GAP_MINIMUM_S:
                said.append(f"The media went past the switch: {missing:.1f} s are missing.")
    return said


def _in_order(context: Context) -> list[model.Segment]:
    return sorted((one for one in context.recording.segments if one.started is not None),
                  key=lambda one: one.started or 0.0)


def _died(context: Context) -> list[str]:
    """Taps that ended by themselves while their leg went on: the next one of that leg was made because of it."""
    said = []
    ordered = _in_order(context)
    for number, one in enumerate(ordered):
        then = next((later for later in ordered[number + 1:] if later.source == one.source), None)
        if then is None or one.ended is None or then.started is None or one.cause in _ENDED_BY_US:
            continue
        missing = then.started - one.ended
        paused = any(pause.asked < then.started and (pause.resumed is None or pause.resumed > one.ended)
                     for pause in context.call.pauses)
        if missing > GAP_MINIMUM_S and not paused:
            which = "A tap for a recording server" if one.source.sink is Sink.SERVER else "A tap"
            said.append(f"{which} ended by itself and was made anew: {missing:.1f} s are missing.")
    return said


def _numbered(tracks: Iterable[str]) -> dict[str, str]:
    """The kind of each track's own file, by track."""
    return {track: f"party-{number}" for number, track in enumerate(tracks, 1)}


def _outputs(context: Context, timeline: Timeline, kinds: Iterable[str], parties: Mapping[str, str]) -> Facts:
    """Write the files of a plan, all in one pass.

    Args:
        kinds: of ``mixed`` and ``stereo``.
        parties: the kind of each track's own file, by track.
    """
    with ExitStack() as stack:
        sources: dict[str, BufferedReader] = {}
        for placements in timeline.tracks.values():
            for one in placements:
                if one.file not in sources:
                    sources[one.file] = stack.enter_context(_open(context, one.file))
        targets = {kind: stack.enter_context(new_file(context.folder / f"{kind}.wav", context.checkpoint))
                   for kind in [*kinds, *parties.values()]}
        made = compose(timeline, sources, mixed=targets.get("mixed"), stereo=targets.get("stereo"),
                       parties={track: targets[kind] for track, kind in parties.items()})
    artefacts = {"mixed": made.mixed, "stereo": made.stereo,
                 **{kind: made.parties[track] for track, kind in parties.items()}}
    tracks = {kind: track for track, kind in parties.items()}
    return {kind: {**_facts(context, kind, artefact), "track": tracks.get(kind)}
            for kind, artefact in artefacts.items() if artefact is not None}


def _open(context: Context, file: str) -> BufferedReader:
    path = context.recorded_file(file)
    if path is None:
        raise TrackMissing("A file that was there is gone.", file=file)
    return path.open("rb")


def _facts(context: Context, kind: str, artefact: Artefact) -> Facts:
    return {"path": str((context.folder / f"{kind}.wav").relative_to(context.places.work)),
            "bytes": artefact.bytes, "sha256": artefact.sha256, "samples": artefact.samples,
            "rate": artefact.rate, "channels": artefact.channels}
