"""What should be there against what is: lists, and mends nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from faults import NotFound
from ledger import calls, recordings
from ledger.recordings import Kept, RecordingFilter
from processing.step import Places
from recorder.model import segment_recording
from recorder.states import RecordingState

# A file of ours is named after its segment (recorder.model.segment_id), on every switch.
_SEGMENT = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.\d+)(?:-[a-z]+)?\.wav")
_MADE = frozenset({RecordingState.READY, RecordingState.INCOMPLETE})
_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """One thing that is not as it should be.

    Attributes:
        kind: ``no_recording`` (a call should have one), ``no_row`` (a file that no recording knows), ``no_file`` (a
            recording's file is not there).
        what: the call, the file, or the recording.
        said: a sentence for a person.
    """

    kind: str
    what: str
    said: str

    def as_dict(self) -> dict[str, Any]:
        """For the API."""
        return asdict(self)


def reconcile(connection: Connection, places: Places, *, since: float, until: float) -> list[Discrepancy]:
    """Compare calls, rows and files.

    Args:
        since, until: calls and recordings that began in that time; files without a row are looked for whatever
            their age.
    """
    found = [Discrepancy(kind="no_recording", what=call.id,
                         said=f"It should have been recorded, and was not: {call.reason or 'no reason is known'}.")
             for call in calls.without_recording(connection, since=since, until=until)]
    for switch, spool in sorted(places.spools.items()):
        found += _without_row(connection, switch, spool)
    found += _without_file(_all(connection, RecordingFilter(since=since, until=until)), places)
    return found


def _without_row(connection: Connection, switch: str, spool: Path) -> Iterable[Discrepancy]:
    for file in sorted(spool.rglob("*.wav")):
        named = _SEGMENT.fullmatch(file.name)
        if named is None:
            continue
        try:
            recordings.get(connection, segment_recording(named[1]))
        except NotFound:
            yield Discrepancy(kind="no_row", what=str(file), said=f"No recording of {switch} knows this file.")


def _without_file(kept: Iterable[Kept], places: Places) -> Iterable[Discrepancy]:
    for one in kept:
        for path in _expected(one, places):
            if not path.is_file():
                yield Discrepancy(kind="no_file", what=one.recording.id, said=f"Its file {path} is not there.")


def _expected(one: Kept, places: Places) -> list[Path]:
    """The files that a recording must have: what its job made, or before that what the switch recorded."""
    if one.recording.state in _MADE and one.result is not None:
        made = (one.result.get(name) for name in ("mixed", "stereo", "manifest"))
        return [places.destination / path for path in made if isinstance(path, str)]
    spool = places.spools.get(one.call.switch)
    if one.recording.state not in {RecordingState.PROCESSING, RecordingState.FAILED} or spool is None:
        return []
    return [spool / file.path for segment in one.recording.segments if segment.started is not None
            for file in segment.files]


def _all(connection: Connection, wanted: RecordingFilter) -> Iterable[Kept]:
    after = None
    while page := recordings.listing(connection, wanted, limit=_PAGE, after=after):
        yield from page
        after = page[-1].recording.id
