"""Step ``verify``: is each track what it should be? Nothing is called good without proof."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from io import BufferedReader
from typing import Any, cast

from faults import WavInvalid
from ledger.tables import Json
from media import carried
from media.gaps import FillRun, Finding, SegmentEvidence, TrackEvidence, Verdict, fill_runs, judge, outside
from media.spans import merged
from media.wav import WavInfo, read_blocks, read_info
from processing import servers
from processing.silence import Heard, silence
from processing.step import Context, Facts
from processing.tracks import expected_tracks, leg_of, packets_of, track_of
from recorder.model import Segment, Sink, TrackFile

_BLOCK_SAMPLES = 65_536
_RATE_UNKNOWN = 8_000


@dataclass(frozen=True, slots=True)
class _Found:
    """A file as it was found; ``samples`` is None if there is none that can be read, ``defect`` what is wrong.

    ``erased`` of the samples were silenced by the step before; ``fill`` has none of them. ``absent``: there is no file.
    ``cut``: bytes that its header promises and it has not.
    """

    samples: int | None
    rate: int
    fill: tuple[FillRun, ...] = ()
    erased: int = 0
    defect: str | None = None
    absent: bool = False
    cut: int = 0


class Verify:
    """Facts.

    ``tracks``: for each the verdict of :mod:`media.gaps` and, where recording servers are to have it, of
    :mod:`media.carried`. ``files``: for each file what was found, by segment; its ``erased`` are the samples that the
    step before has silenced, and its ``fill`` the other runs of one exact value, with ``start`` and ``stop`` in seconds
    since the Unix epoch. ``sent``: how many packets servers were sent.

    Args:
        carried_within: how long the first session with a server may take to come about, in seconds.
    """

    name = "verify"
    lasting = True  # the next step mends the headers that it complains of

    def __init__(self, carried_within: float = 1.0) -> None:
        self._carried_within = carried_within

    def run(self, context: Context) -> Facts:
        """Look at every file, and change none."""
        evidence: defaultdict[str, list[SegmentEvidence]] = defaultdict(list)
        heard: defaultdict[str, list[Heard]] = defaultdict(list)
        rates: dict[str, int] = {}
        files: list[Facts] = []
        for segment in context.recording.segments:
            for file in segment.files:
                found = _look(context, file, _erased(context, segment, file))
                track = track_of(segment, file.direction)
                if found.samples:
                    heard[track].append(Heard(segment, found.samples, found.rate, found.fill))
                    rates.setdefault(track, found.rate)
                evidence[track].append(
                    SegmentEvidence(_seconds(segment, found), found.samples, found.fill, found.erased))
                files.append({"segment": segment.id, "track": track, "path": file.path, "channel": file.channel,
                              "samples": found.samples, "rate": found.rate, "erased": found.erased,
                              "defect": found.defect, "absent": found.absent, "cut": found.cut,
                              "fill": _on_the_clock(segment, found)})
        tracks = dict.fromkeys([*expected_tracks(context.call, context.recording), *evidence])
        return {"tracks": [self._verdict(context, track, rates.get(track, _RATE_UNKNOWN), evidence[track],
                                         heard[track]) for track in tracks],
                "files": [*files], "sent": servers.packets(context.recording)}

    def _verdict(self, context: Context, track: str, rate: int, segments: list[SegmentEvidence],
                 heard: list[Heard]) -> Facts:
        """Both sinks are proven, each by itself; a server's place may be taken by files where policy wants it alone."""
        findings: tuple[Finding, ...] = ()
        short = 0.0
        if segments or not servers.alone(context.call):
            verdict = _of_files(context, track, rate, segments, heard)
            findings, short = verdict.findings, verdict.shortfall_ms
        if servers.wanted(context.call):
            findings += carried.judge(servers.evidence(context.call, context.recording, track, _spans(heard),
                                                       within=self._carried_within))
        for named in servers.named_evidence(context.call, context.recording, track, within=self._carried_within):
            findings += carried.judge(named)
        return {"track": track, "complete": not any(one.incomplete for one in findings), "shortfallMs": round(short, 1),
                "findings": [{"id": one.id, "incomplete": one.incomplete, "sentence": one.sentence}
                             for one in findings]}


def _seconds(segment: Segment, found: _Found) -> float:
    """How long the file should be; where nobody saw the tap's end, as long as it is."""
    if segment.started is not None and segment.ended is not None:
        return max(0.0, segment.ended - segment.started)
    return (found.samples or 0) / found.rate


def _on_the_clock(segment: Segment, found: _Found) -> list[Json]:
    begun = segment.started if segment.started is not None else segment.asked
    return [{"start": begun + run.start / found.rate, "stop": begun + run.stop / found.rate} for run in found.fill]


def _erased(context: Context, segment: Segment, file: TrackFile) -> list[tuple[int, int]]:
    """What the step before has silenced in a file, in samples. A job that was begun before there was that step has none
    of its facts."""
    files = cast(list[dict[str, Any]], context.facts.get("erase", {}).get("files", []))
    return [(low, high) for one in files if (one["segment"], one["path"]) == (segment.id, file.path)
            for low, high in one["spans"]]


def _look(context: Context, file: TrackFile, erased: list[tuple[int, int]]) -> _Found:
    path = context.recorded_file(file.path)
    if path is None:
        return _Found(None, _RATE_UNKNOWN, defect="The file is not there.", absent=True)
    try:
        with path.open("rb") as opened:
            info = read_info(opened)
            if file.channel >= info.channels:
                return _Found(None, info.rate, defect=f"The file has no channel {file.channel + 1}.")
            fill = outside(_fill(opened, info, file.channel), erased, rate=info.rate)
            return _Found(info.samples, info.rate, fill, sum(high - low for low, high in erased), info.defect,
                          cut=info.cut)
    except WavInvalid as fault:
        return _Found(None, _RATE_UNKNOWN, defect=fault.message)


def _fill(file: BufferedReader, info: WavInfo, channel: int) -> tuple[FillRun, ...]:
    return fill_runs((block[:, channel] for block in read_blocks(file, info, _BLOCK_SAMPLES)), rate=info.rate)


def _failed(context: Context, track: str) -> str:
    """Why the last tap that should have fed a track as its own has no file."""
    return next((segment.cause for segment in reversed(context.recording.segments)
                 if segment.side == track and segment.source.sink is Sink.FILE and not segment.files), "")


def _of_files(context: Context, track: str, rate: int, segments: list[SegmentEvidence], heard: list[Heard]) -> Verdict:
    received, lost = packets_of(context.call, track) or (None, None)
    found = silence(heard, leg_of(context.call, track))
    return judge(TrackEvidence(track, rate, segments, received=received, lost=lost, deaf=found.deaf,
                               nothing=found.nothing, dropped=found.dropped, unknown=found.unknown,
                               failed=_failed(context, track)))


def _spans(heard: list[Heard]) -> list[tuple[float, float]]:
    """The time that a track's files hold."""
    return merged((one.segment.started, one.segment.started + one.samples / one.rate) for one in heard
                  if one.segment.started is not None)
