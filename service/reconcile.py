"""What should be there against what is: calls, rows and files. This lists; service/mend.py mends what can be."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from faults import WavInvalid
from ledger import calls, jobs, lookup, recordings
from ledger.lookup import Known
from ledger.recordings import Kept, RecordingFilter
from media.wav import WavInfo, read_info
from processing import servers
from processing.step import Places
from processing.stores import LOCAL
from processing.tasks import is_of_tasks
from recorder.ids import segment_recording
from recorder.model import Direction, Segment
from recorder.states import CallState, RecordingState, SegmentState

# A file of ours is named after its segment (recorder.model.segment_id) and its direction, on every switch.
_SEGMENT = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.\d+)(?:-([a-z]+))?\.wav")
_MADE = frozenset({RecordingState.READY, RecordingState.INCOMPLETE})
_PAGE = 500
# What is shorter is what a tap leaves behind that was called off at once.
_AUDIO_S = 0.1


class Remedy(StrEnum):
    """What can be done about a discrepancy."""

    LINK = "link"
    BEGIN = "begin"
    MARK = "mark"


_WOULD: Mapping[Remedy, str] = {
    Remedy.LINK: "its audio can be taken into the recording, which is then finished anew",
    Remedy.BEGIN: "its job can begin",
    Remedy.MARK: "the recording can be marked incomplete",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """One thing that is not as it should be.

    Attributes:
        kind: ``no_recording`` (a call should have one), ``no_job`` (a recording that nobody finishes), ``no_file`` (a
            recording's file is not there), ``not_carried`` (a recording server should have it, and none was sent
            anything), ``no_store`` (a store cannot be asked), ``not_deleted`` (what has expired is
            still there), ``no_link`` (a file with audio whose tap counts as failed), ``no_row`` (a
            file that no recording knows).
        what: the call, the recording, the segment, or the file.
        said: a sentence for a person.
        remedy: what ``--mend`` does about it; None if only a person can do something.
    """

    kind: str
    what: str
    said: str
    remedy: Remedy | None = None

    def as_dict(self) -> dict[str, Any]:
        """For the API."""
        return {"kind": self.kind, "what": self.what, "said": self.said,
                "remedy": _WOULD[self.remedy] if self.remedy is not None else None}


def reconcile(connection: Connection, places: Places, *, since: float, until: float) -> list[Discrepancy]:
    """Compare calls, rows and files.

    Args:
        since, until: calls and recordings that began in that time; files without a row or a link are looked for
            whatever their age.
    """
    found = [Discrepancy(kind="no_recording", what=call.id,
                         said=f"It should have been recorded, and was not: {call.reason or 'no reason is known'}.")
             for call in calls.without_recording(connection, since=since, until=until)]
    for switch, spool in sorted(places.spools.items()):
        if not is_of_tasks(switch):
            found += _strangers(connection, switch, spool)
    for kept in _all(connection, RecordingFilter(since=since, until=until)):
        if _elsewhere(connection, kept, places):
            continue
        found += _without_job(connection, kept)
        found += _without_file(kept, places)
        found += _at_no_server(kept)
    return found


def _elsewhere(connection: Connection, kept: Kept, places: Places) -> bool:
    """Whether another machine at this ledger has the recording's files, and compares them."""
    job = jobs.find(connection, kept.recording.id)
    if job is None or job.node is None:
        return places.node is not None and kept.call.switch not in places.spools
    return places.node not in (None, job.node)


def files_of(spool: Path, segment: str) -> dict[Direction, Path]:
    """The files in a spool that are named after a segment."""
    found = {}
    for file in spool.rglob(f"{segment}-*.wav"):
        named = _SEGMENT.fullmatch(file.name)
        if named is not None and named[1] == segment and named[2] in set(Direction):
            found[Direction(named[2])] = file
    return found


def audio_of(file: Path) -> WavInfo | None:
    """What a file holds, if that is audio that a recording could use."""
    try:
        with file.open("rb") as opened:
            info = read_info(opened)
    except (OSError, WavInvalid):
        return None
    return info if info.seconds >= _AUDIO_S else None


def may_be_linked(kept: Kept, segment: Segment, ended: float, spool: Path) -> str:
    """Why the file of a failed tap may not be taken into its recording; empty if it may.

    Args:
        ended: when the last of it was written.
    """
    call = kept.call
    if kept.recording.state in _MADE and not all(
            (spool / file.path).is_file() for one in kept.recording.segments for file in one.files):
        return "the recording's other files are gone"
    if segment.files or segment.state not in (SegmentState.FAILED, SegmentState.LOST):
        return "it is part of the recording"
    if call.state is not CallState.CLOSED:
        return "the call goes on"
    if kept.recording.state is RecordingState.EXPIRED:
        return "the recording has expired"
    if call.stopped:
        return "the recording was stopped, and it may be from after that"
    if any(pause.asked < ended and (pause.resumed is None or pause.resumed > segment.asked) for pause in call.pauses):
        return "there was a pause at that time, and it may be from within"
    return ""


def job_is_missing(connection: Connection, kept: Kept) -> bool:
    """Whether a recording waits for a job that it has not, or that is over."""
    if kept.call.state is not CallState.CLOSED or kept.recording.state not in (
            RecordingState.ENDED, RecordingState.PROCESSING):
        return False
    job = jobs.find(connection, kept.recording.id)
    return job is None or job.state in (jobs.JobState.DONE, jobs.JobState.FAILED)


def gone(kept: Kept, places: Places) -> list[str]:
    """The finished files of a recording that are not there and were not marked so, below the destination."""
    if kept.recording.state not in _MADE or kept.result is None:
        return []
    told = kept.result.get("gone")
    known = told if isinstance(told, list) else []
    return [name for name in _local(kept) if name not in known and not (places.destination / name).is_file()]


def _strangers(connection: Connection, switch: str, spool: Path) -> Iterable[Discrepancy]:
    """Files that no recording knows, and files with audio whose taps count as failed."""
    by_segment: defaultdict[str, list[Path]] = defaultdict(list)
    for file in sorted(spool.rglob("*.wav")):
        if (named := _SEGMENT.fullmatch(file.name)) is not None:
            by_segment[named[1]].append(file)
    every = list(by_segment)
    for some in (every[start:start + _PAGE] for start in range(0, len(every), _PAGE)):
        segments = lookup.segments(connection, some)
        known = lookup.recordings(connection, {segment_recording(one) for one in some})
        for segment in some:
            if segment in segments:
                yield from _unlinked(connection, segments[segment], by_segment[segment], spool)
            elif segment_recording(segment) in known:
                yield from (Discrepancy(kind="no_row", what=str(file), said=f"A recording of {switch} has such files, "
                                        "but nobody knows whose voice is in this one.")
                            for file in by_segment[segment])
            else:
                yield from (Discrepancy(kind="no_row", what=str(file),
                                        said=f"No recording of {switch} knows this file.")
                            for file in by_segment[segment])


def _unlinked(connection: Connection, known: Known, files: list[Path], spool: Path) -> Iterable[Discrepancy]:
    if known.linked or known.state not in (SegmentState.FAILED, SegmentState.LOST):
        return
    heard = {file: info for file in files if (info := audio_of(file)) is not None}
    if not heard:
        return
    kept = recordings.get(connection, segment_recording(known.id))
    segment = next(one for one in kept.recording.segments if one.id == known.id)
    obstacle = may_be_linked(kept, segment, max(file.stat().st_mtime for file in heard), spool)
    seconds = max(info.seconds for info in heard.values())
    said = f"Its tap counts as {known.state.value}, but there are {seconds:.1f} s of audio"
    yield Discrepancy(kind="no_link", what=known.id, said=f"{said}: {obstacle}." if obstacle else f"{said}.",
                      remedy=None if obstacle else Remedy.LINK)


def _without_job(connection: Connection, kept: Kept) -> Iterable[Discrepancy]:
    if job_is_missing(connection, kept):
        yield Discrepancy(kind="no_job", what=kept.recording.id, remedy=Remedy.BEGIN,
                          said=f"It is {kept.recording.state.value}, and has no job that would finish it.")


def _without_file(kept: Kept, places: Places) -> Iterable[Discrepancy]:
    unmarked = gone(kept, places)
    for path in _expected(kept, places):
        if not path.is_file():
            named = path.relative_to(places.destination).as_posix() if path.is_relative_to(places.destination) else ""
            yield Discrepancy(kind="no_file", what=kept.recording.id, said=f"Its file {path} is not there.",
                              remedy=Remedy.MARK if named in unmarked else None)


def _at_no_server(kept: Kept) -> Iterable[Discrepancy]:
    """Whether files have it in a server's place or not: a server that is never sent anything needs somebody."""
    if kept.recording.state in _MADE and servers.wanted(kept.call) and not servers.packets(kept.recording):
        why = servers.why(kept.recording) or "nobody said why"
        yield Discrepancy(kind="not_carried", what=kept.recording.id,
                          said=f"No recording server was sent anything of it: {why}.")


def _expected(one: Kept, places: Places) -> list[Path]:
    """The files that a recording must have: what its job made, or before that what the switch recorded."""
    if one.recording.state in _MADE and one.result is not None:
        return [places.destination / name for name in _local(one)]
    spool = places.spools.get(one.call.switch)
    if one.recording.state not in {RecordingState.PROCESSING, RecordingState.FAILED} or spool is None:
        return []
    return [spool / file.path for segment in one.recording.segments if segment.started is not None
            for file in segment.files]


def _local(kept: Kept) -> list[str]:
    """The names of a recording's finished files that are in a folder of this machine."""
    return list(kept.files.values()) if (kept.result or {}).get("store", LOCAL) == LOCAL else []


def _all(connection: Connection, wanted: RecordingFilter) -> Iterable[Kept]:
    after = None
    while page := recordings.listing(connection, wanted, limit=_PAGE, after=after):
        yield from page
        after = page[-1].recording.id
