"""Step ``erase``: what a tap went on writing in a pause is taken out of the switch's own files.

A tap that nobody could end in time, as while the network stood still, writes the pause into the file that the switch
made. The finished files leave it out in any case (:mod:`media.timeline`); here it goes from the disk.
"""

from __future__ import annotations

import errno
import glob
import math
import os
import shutil
from collections.abc import Iterable, Sequence
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

import structlog

from faults import WavInvalid
from ledger.tables import Json
from media.wav import WavInfo, read_info
from processing.files import new_file, sync_folder
from processing.step import Context, Facts
from recorder.model import Pause, Segment

log = structlog.get_logger("jobs")

# A switch's report of a start is up to some 20 ms, one packet, beside the first sample.
EARLY_S = 0.020
# A pause that the switch carries out at once ends a tap within this time: such a file stays as it was written.
USUAL_S = 0.050
# Below it a moment on the clock is meant to be a whole sample: seconds since 1970 as a float are exact to 0.24 us.
_SAMPLE_TOLERANCE = 0.01
_BLOCK_BYTES = 1 << 17
_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_SUFFIX = ".part"

_Span = tuple[int, int]


class Erase:
    """Facts.

    ``files``: for each file that holds something of a pause its ``segment``, its ``path``, and ``spans``: from which
    sample to which (not included) it is silent now. ``reasons``: a sentence for each file that could not be cleaned.
    """

    name = "erase"
    lasting = False

    def run(self, context: Context) -> Facts:
        """Overwrite with zeros what lies in a pause; a second run finds nothing to write and says the same.

        A file that this user may not write is replaced by a clean copy. Where that is refused, too, the recording will
        be incomplete, and the job goes on.
        """
        erased: list[Json] = []
        refused: list[str] = []
        for segment in context.recording.segments:
            for name in dict.fromkeys(file.path for file in segment.files):
                path = context.recorded_file(name)
                spans = [] if path is None else _spans(path, segment, context.call.pauses)
                if path is None or not spans:
                    continue
                try:
                    _erase(context, path, spans)
                except OSError as error:
                    if error.errno not in _REFUSED:
                        raise
                    refused.append(name)
                else:
                    erased.append({"segment": segment.id, "path": name, "spans": [list(span) for span in spans]})
        if refused:
            log.error("what was said in a pause is still in the spool", recording=context.recording.id, files=refused,
                      remedy="Silence or delete these files, and let Phonograph's user write into their folder.")
        return {"files": erased,
                "reasons": [f"What was said in a pause is still in {name}: this user may not write there."
                            for name in refused]}


def _spans(path: Path, segment: Segment, pauses: Iterable[Pause]) -> list[_Span]:
    """What of a file lies in a pause, in samples; nothing of a file that cannot be read, as the next step says."""
    pauses = [pause for pause in pauses if _outlived(segment, pause)]
    if not pauses:
        return []
    try:
        with path.open("rb") as file:
            return paused(segment, pauses, read_info(file))
    except WavInvalid:
        return []


def _outlived(segment: Segment, pause: Pause) -> bool:
    """Whether the tap went on for longer than usual after the pause had begun, or nobody saw its end."""
    return segment.ended is None or segment.ended - _borders(pause)[0] > USUAL_S


def _borders(pause: Pause) -> tuple[float, float]:
    """A pause on the switch's clock (s); if that was stepped back in it, all between the two counts as pause."""
    resumed = math.inf if pause.resumed is None else pause.resumed
    return min(pause.asked, resumed), max(pause.asked, resumed)


def paused(segment: Segment, pauses: Iterable[Pause], info: WavInfo) -> list[_Span]:
    """The samples of a segment's file that lie in pauses, as spans in order that neither touch nor overlap.

    Sample n belongs to ``segment.started + n / rate``. Each pause begins 20 ms early; one that was never given back
    lasts to the file's end.
    """
    begun = segment.started if segment.started is not None else segment.asked
    found: list[_Span] = []
    for start, stop in sorted(_borders(pause) for pause in pauses):
        low = max(0, math.floor((start - EARLY_S - begun) * info.rate + _SAMPLE_TOLERANCE))
        last = info.samples if stop == math.inf else math.ceil((stop - begun) * info.rate - _SAMPLE_TOLERANCE)
        high = min(last, info.samples)
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        elif low < high:
            found.append((low, high))
    return found


def _erase(context: Context, path: Path, spans: Sequence[_Span]) -> None:
    for left in path.parent.glob(f".{glob.escape(path.name)}.*{_SUFFIX}"):
        left.unlink(missing_ok=True)  # of a worker that was killed
    with path.open("rb") as file:
        info = read_info(file)
        loud = [block for block in _blocks(info, spans) if any(_read(file, block))]
    if not loud:
        return
    try:
        with path.open("r+b") as opened:
            _silence(opened, loud)
            os.fsync(opened.fileno())
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        _replace(context, path, loud)
    context.checkpoint(f"erased {path.suffix}")


def _blocks(info: WavInfo, spans: Iterable[_Span]) -> Iterable[_Span]:
    """The spans as pieces of the file, in bytes."""
    for low, high in spans:
        end = info.data_offset + high * info.frame_bytes
        for start in range(info.data_offset + low * info.frame_bytes, end, _BLOCK_BYTES):
            yield start, min(start + _BLOCK_BYTES, end)


def _read(file: BufferedReader, block: _Span) -> bytes:
    file.seek(block[0])
    return file.read(block[1] - block[0])


def _silence(file: BinaryIO, blocks: Iterable[_Span]) -> None:
    for start, stop in blocks:
        file.seek(start)
        file.write(bytes(stop - start))
    file.flush()


def _replace(context: Context, path: Path, loud: Sequence[_Span]) -> None:
    """Put a clean copy, on the disk and whole, in the file's place. It has the file's mode, and this user as owner."""
    copy = path.with_name(f".{path.name}.{context.folder.name}{_SUFFIX}")
    try:
        with path.open("rb") as read, new_file(copy, context.checkpoint) as write:
            _copy(read, write, loud)
            os.fchmod(write.fileno(), os.fstat(read.fileno()).st_mode & 0o777)
        os.replace(copy, path)
    except OSError:
        copy.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _copy(read: BufferedReader, write: BinaryIO, loud: Iterable[_Span]) -> None:
    """Copy all but the loud blocks, which become zeros: a copy that is never finished has nothing of them either."""
    position = 0
    for start, stop in loud:
        for place in range(position, start, _BLOCK_BYTES):
            write.write(_read(read, (place, min(place + _BLOCK_BYTES, start))))
        write.write(bytes(stop - start))
        position = stop
    read.seek(position)
    shutil.copyfileobj(read, write)
