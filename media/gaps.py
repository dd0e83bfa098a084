"""Is a track what it should be? Samples against the clock, runs of exact fill, RTP counters -> a Verdict.

A switch writes fill where it hears nothing: Asterisk's timer-driven snoop zeros, FreeSWITCH -1 for a silent side.
So the length alone proves nothing, and a run of one exact value is what is looked for. A run by itself is no
fault: a muted telephone makes one too. It is listed; only a track that is nothing but fill is not believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "FILL_MINIMUM_MS", "FILL_VALUES", "SHORT_ALLOWANCE_MS", "SHORT_LIMIT_MS", "FillRun", "Finding", "FindingId",
    "SegmentEvidence", "TrackEvidence", "Verdict", "fill_runs", "judge", "outside", "shortfall_ms",
]

FILL_VALUES = (0, -1)
FILL_MINIMUM_MS = 100.0
# A switch's own report of a start or an end is up to some 30 ms beside the first or last sample, and it writes in
# steps of 20 ms: a segment may be this much shorter than the clock says without anything being lost.
SHORT_ALLOWANCE_MS = 40.0
# What a track may lack beyond the allowances of its segments, added up, before it is called short.
SHORT_LIMIT_MS = 100.0

FindingId = Literal["missing", "empty", "short", "deaf", "dropped", "only-fill", "unknown-silence", "silence",
                    "no-media", "packets-lost",
                    # Of what recording servers were sent: media.carried.
                    "not-carried", "uncarried", "not-sent", "unheard", "in-files", "unconfirmed"]


@dataclass(frozen=True, slots=True)
class FillRun:
    """``count`` samples of exactly ``value``, from sample ``start`` of the file to ``stop`` (not included)."""

    start: int
    count: int
    value: int

    @property
    def stop(self) -> int:
        """The first sample after the run."""
        return self.start + self.count


def fill_runs(
    blocks: Iterable[NDArray[np.int16]], *, rate: int, minimum_ms: float = FILL_MINIMUM_MS
) -> tuple[FillRun, ...]:
    """Find the runs of one exact fill value, 0 or -1, that last ``minimum_ms`` or longer.

    Args:
        blocks: one channel as int16 arrays of shape (samples,), in order; a run may cross their borders.
        rate: samples a second (Hz).
    """
    minimum = max(1, round(minimum_ms * rate / 1000))
    found: list[FillRun] = []
    position = 0
    # The run that touches the end of the last block, for each value: where it began.
    open_since: dict[int, int] = {}
    for block in blocks:
        end = position + len(block)
        for value in FILL_VALUES:
            same = np.empty(len(block) + 2, np.bool_)
            same[0] = value in open_since
            np.equal(block, value, out=same[1:-1])
            same[-1] = False
            edges = np.flatnonzero(same[1:] != same[:-1]) + position
            borders = edges.tolist()
            if value in open_since:
                borders.insert(0, open_since.pop(value))
            for low, high in zip(borders[::2], borders[1::2], strict=True):
                if high == end:
                    open_since[value] = low
                elif high - low >= minimum:
                    found.append(FillRun(low, high - low, value))
        position = end
    found += [FillRun(low, position - low, value) for value, low in open_since.items()
              if position - low >= minimum]
    return tuple(sorted(found, key=lambda run: run.start))


def outside(
    runs: Iterable[FillRun], spans: Iterable[tuple[int, int]], *, rate: int, minimum_ms: float = FILL_MINIMUM_MS
) -> tuple[FillRun, ...]:
    """What is left of runs of fill without some spans, as far as it lasts ``minimum_ms`` or longer.

    Args:
        spans: from which sample to which (not included), in order; what we have silenced is no fill of the switch's.
        rate: samples a second (Hz).
    """
    minimum = max(1, round(minimum_ms * rate / 1000))
    left = list(runs)
    for low, high in spans:
        left = [FillRun(a, b - a, run.value) for run in left
                for a, b in ((run.start, min(run.stop, low)), (max(run.start, high), run.stop)) if a < b]
    return tuple(run for run in left if run.count >= minimum)


def shortfall_ms(samples: int, rate: int, seconds: float) -> float:
    """Milliseconds that ``samples`` lack against ``seconds`` on the clock; negative if there are more."""
    return seconds * 1000 - samples * 1000 / rate


@dataclass(frozen=True, slots=True)
class SegmentEvidence:
    """A track's file in one segment.

    Attributes:
        seconds: from the segment's start to its end on the switch's clock.
        samples: what the file holds; None if there is no file.
        fill: the file's runs of fill.
        erased: how many of its samples we have silenced, as they lay in a pause; ``fill`` has none of them. They count
            for the length, and prove nothing else.
    """

    seconds: float
    samples: int | None
    fill: Sequence[FillRun] = ()
    erased: int = 0


@dataclass(frozen=True, slots=True)
class TrackEvidence:
    """All that is known of one track.

    Attributes:
        rate: samples a second (Hz).
        received: RTP packets that the switch received from the party; None if nobody counted.
        lost: RTP packets that it missed; None if nobody counted.
        deaf: seconds of fill that were no silence: the next tap heard the party at once.
        nothing: seconds of fill that were: the next tap heard the same.
        dropped: the same, where the switch passed none of the party's packets on to the other party.
        unknown: seconds of long fill in which packets came, and no other tap was tried.
        failed: why it has no segments, if a tap of it was tried.
    """

    track: str
    rate: int
    segments: Sequence[SegmentEvidence]
    received: int | None = None
    lost: int | None = None
    deaf: float = 0.0
    nothing: float = 0.0
    dropped: float = 0.0
    unknown: float = 0.0
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a track: a stable id, whether it makes the track incomplete, and a sentence for a person."""

    id: FindingId
    incomplete: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The findings about one track, the gravest first, and its ``shortfall_ms`` beyond the allowance."""

    track: str
    findings: tuple[Finding, ...]
    shortfall_ms: float

    @property
    def complete(self) -> bool:
        """Whether nothing that should be there is missing or unproven."""
        return not any(finding.incomplete for finding in self.findings)

    @property
    def reasons(self) -> tuple[FindingId, ...]:
        """The ids of what makes it incomplete."""
        return tuple(finding.id for finding in self.findings if finding.incomplete)


def judge(evidence: TrackEvidence) -> Verdict:
    """Say whether a track is complete, and why not.

    * ``missing``: there is no segment, or a segment without a file. Incomplete.
    * ``empty``: a file without a sample, though its segment lasted longer than 40 ms. Incomplete.
    * ``short``: more than 100 ms are missing in all, after 40 ms are allowed to each segment. Incomplete. What is
      too long in one segment does not make up for what another lacks.
    * ``deaf``: the tap heard nothing of what the party said. Incomplete.
    * ``dropped``: the switch dropped what the party sent, so that nobody heard it. Incomplete.
    * ``only-fill``: all but at most 100 ms of the track, what was erased left aside, is fill, though packets were
      received, or nobody counted them. Incomplete: nothing proves that the silence is the party's own.
    * ``unknown-silence``: a long silence in which packets came, and nothing shows whose it is. Incomplete.
    * ``silence``: packets came, and there was nothing to hear, as of a muted telephone. Noted.
    * ``no-media``: not one packet was received; silence is right. Noted.
    * ``packets-lost``: the network lost packets before the switch. Noted: the recording has what the switch had.
    """
    name, rate = evidence.track, evidence.rate
    files = [(one, one.samples) for one in evidence.segments if one.samples is not None]
    missing = len(evidence.segments) - len(files)
    empty = sum(samples == 0 and one.seconds * 1000 > SHORT_ALLOWANCE_MS for one, samples in files)
    short = sum(max(0.0, shortfall_ms(samples, rate, one.seconds) - SHORT_ALLOWANCE_MS) for one, samples in files)
    samples = sum(samples for _, samples in files)
    erased = sum(one.erased for one, _ in files)
    fill = sum(run.count for one, _ in files for run in one.fill)
    findings: list[Finding] = []

    def find(kind: FindingId, incomplete: bool, sentence: str) -> None:
        findings.append(Finding(kind, incomplete, sentence))

    if not evidence.segments:
        why = f": {evidence.failed.rstrip('.')}" if evidence.failed else ""
        find("missing", True, f"Track {name} was never recorded{why}.")
    elif missing:
        find("missing", True, f"Track {name} lacks {missing} of {len(evidence.segments)} files.")
    if empty:
        find("empty", True, f"Track {name} has {empty} of {len(evidence.segments)} files without any audio.")
    if short > SHORT_LIMIT_MS:
        find("short", True, f"Track {name} is {short:.0f} ms shorter than the clock says.")
    if evidence.deaf:
        find("deaf", True, f"The tap of track {name} heard nothing for {evidence.deaf:.1f} s, though the party sent "
                           "audio: the next tap heard it at once.")
    if evidence.dropped:
        find("dropped", True, f"The switch passed on nothing of what the party of track {name} sent for "
                              f"{evidence.dropped:.1f} s: neither the other party nor a tap heard it.")
    only_fill = bool(fill) and (samples - erased - fill) * 1000 <= SHORT_LIMIT_MS * rate and evidence.received != 0
    if only_fill:
        known = "nobody counted packets" if evidence.received is None else f"{evidence.received} packets came"
        find("only-fill", True, f"Track {name} holds nothing but fill, but {known}: either the tap heard nothing, "
                                "or the party sent digital silence.")
    elif evidence.unknown:
        find("unknown-silence", True, f"Track {name} holds nothing but fill for {evidence.unknown:.1f} s, but packets "
                                      "came: either nothing of them was heard, or the party sent digital silence.")
    if evidence.nothing:
        find("silence", False, f"Track {name} is silent for {evidence.nothing:.1f} s though packets came, and the next "
                               "tap heard the same: there was nothing to hear.")
    if evidence.received == 0:
        find("no-media", False, f"The party of track {name} sent no packet: its silence is right.")
    if evidence.lost:
        of = "" if evidence.received is None else f" of {evidence.received + evidence.lost}"
        find("packets-lost", False, f"The network lost {evidence.lost}{of} packets of track {name} before the switch.")
    return Verdict(name, tuple(findings), short)
