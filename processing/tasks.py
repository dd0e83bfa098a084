"""Tasks from elsewhere: recordings that others have made, as messages. docs/queues.md has the form for people,
``schemas/task-1.json`` for programs.

A task becomes a call that is over, with one recording whose id is the task's ``uuid``. Its files are named below one of
two folders, and are only read there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from faults import TaskFileUnusable, TaskInvalid, WavInvalid
from media.wav import read_info
from policy.types import Decision, Level, Media
from processing.tracks import CALLEE, CALLER, MIX
from recorder.ids import call_id, segment_id
from recorder.model import (
    Call,
    CallKind,
    Direction,
    Leg,
    LegState,
    Outcome,
    Party,
    Recording,
    Segment,
    Source,
    TrackFile,
)
from recorder.states import CallState, RecordingState, SegmentState

_LONGEST = 1 << 20  # bytes of a message
_SWITCHES = ("queue.recordings", "queue.audio")
"""What stands for the switch of such calls, one for each folder; no switch in the settings can have such a name."""

_KEY = re.compile(r"[A-Za-z]{1,40}")
_Short = Annotated[str, Field(max_length=255)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class TaskParty(_Part):
    """Who took part."""

    user: _Short | None = None
    domain: _Short | None = None
    number: _Short = ""
    name: _Short = ""


class TaskFile(_Part):
    """A WAV file (PCM, 16 bit, one or two channels) below one of the two folders.

    ``parties`` says whose voice each channel has, by place in the task's list; empty: everybody is in it.
    """

    path: Annotated[str, Field(min_length=1, max_length=1024)]
    start_time: AwareDatetime
    parties: Annotated[tuple[Annotated[int, Field(ge=0, strict=True)], ...], Field(max_length=2)] = ()


class Task(_Part):
    """A recording that was made elsewhere and is to be finished here. Times are ISO 8601 with their zone.

    A ``call`` has a caller and a callee, the first two ``parties``; whatever is mixed is a ``conference``.
    """

    version: Literal[1]
    uuid: UUID
    kind: CallKind = CallKind.CALL
    conference: _Short = ""
    parties: Annotated[tuple[TaskParty, ...], Field(max_length=100)] = ()
    files: Annotated[tuple[TaskFile, ...], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _fits(self) -> Task:
        for file in self.files:
            if any(place >= len(self.parties) for place in file.parties):
                raise ValueError("a file names a party that is not in the list")
            if self.kind is CallKind.CALL and (not file.parties or max(file.parties) > 1):
                raise ValueError("in a call each channel has the voice of the first or the second party")
            if self.kind is CallKind.CONFERENCE and len(file.parties) > 1:
                raise ValueError("in a conference a file has one party, or everybody")
        return self


def parse(body: bytes) -> Task:
    """The task of a message.

    Raises:
        TaskInvalid: it is none. The message says which keys are wrong, and nothing of what they hold.
    """
    if len(body) > _LONGEST:
        raise TaskInvalid(f"The message is longer than {_LONGEST} bytes.")
    try:
        return Task.model_validate_json(body)
    except ValidationError as error:
        said = "; ".join(f"{_place(one['loc'])}: {one['msg']}" for one in error.errors(
            include_url=False, include_input=False, include_context=False)[:5])
        raise TaskInvalid(f"The message is no task: {said}.") from None


def _place(keys: tuple[int | str, ...]) -> str:
    """Where it is wrong. A key that is none of ours may hold anything: only letters of it are told."""
    return ".".join(str(key) if isinstance(key, int) or _KEY.fullmatch(key) else "?" for key in keys) or "the whole"


def folders_of_tasks(recordings: Path | None, audio: Path | None) -> dict[str, Path]:
    """The folders whose files tasks may name, by what stands for their switch."""
    return {name: folder for name, folder in zip(_SWITCHES, (recordings, audio), strict=True) if folder is not None}


def is_of_tasks(switch: str) -> bool:
    """Whether that is no switch, but stands for one of the folders of tasks."""
    return switch in _SWITCHES


def call_of(task: Task, spools: Mapping[str, Path]) -> Call:
    """The call that a task tells of, with its recording. Its files are opened to see how long they are.

    Args:
        spools: the folders of this machine; those of tasks are among them.

    Raises:
        TaskFileUnusable: a file is not there, not below such a folder, or no audio that can be read; or they are not
            all below one of them.
    """
    switch = _folder_of(task, spools)
    recording = str(task.uuid)
    own = call_id(switch, "task", recording)
    segments = tuple(_segment(task, file, segment_id(recording, number), spools[switch])
                     for number, file in enumerate(task.files))
    start = min(segment.asked for segment in segments)
    stop = max(segment.ended or segment.asked for segment in segments)
    legs = tuple(Leg(id=_leg(number), name=_leg(number), state=LegState.GONE, created=start, answered=start, gone=stop,
                     party=Party(user=one.user, domain=one.domain, number=one.number, name=one.name))
                 for number, one in enumerate(task.parties))
    pair = (_leg(0), _leg(1) if len(legs) > 1 else None, None, None) if legs else ()
    return Call(id=own, switch=switch, boot="task", kind=task.kind, first_leg=_leg(0), state=CallState.CLOSED,
                legs=legs, conference=task.conference, created=start,
                decided_for=pair if task.kind is CallKind.CALL else (),
                answered=start, connected=start, ended=stop, outcome=Outcome.RECORDED,
                decision=Decision(record=True, media=frozenset({Media.AUDIO}), level=Level.SYSTEM, rule="task",
                                  profile=None, subject=None, reason="It was recorded elsewhere, and came as a task."),
                recordings=(Recording(id=recording, call=own, state=RecordingState.ENDED, created=start, started=start,
                                      ended=stop, segments=segments),))


def same(one: Call, other: Call) -> bool:
    """Whether two calls are of the same task, sent twice. What mended a file's header may have made it longer."""
    def told(call: Call) -> tuple[Any, ...]:
        return (call.id, call.kind, call.conference, [leg.party for leg in call.legs],
                [(segment.source, segment.side, segment.asked, segment.files) for recording in call.recordings
                 for segment in recording.segments])

    return told(one) == told(other)


def _leg(number: int) -> str:
    return f"party-{number}"


def _folder_of(task: Task, spools: Mapping[str, Path]) -> str:
    """What stands for the switch: the folder that has all files."""
    for switch in _SWITCHES:
        root = spools.get(switch)
        if root is not None and all(_inside(root, file.path) for file in task.files):
            return switch
    raise TaskFileUnusable("Not all files of the task are there, below one of the folders for them.")


def _inside(root: Path, path: str) -> bool:
    """Whether a folder has such a file: ``..``, an absolute path or a link that leads out count as not there."""
    try:
        found = (root / path).resolve(strict=True)
        return found.is_relative_to(root.resolve()) and found.is_file() and not Path(path).is_absolute()
    except (OSError, ValueError):
        return False


def _segment(task: Task, file: TaskFile, identity: str, root: Path) -> Segment:
    start = file.start_time.timestamp()
    try:
        with (root / file.path).open("rb") as opened:
            info = read_info(opened)
    except (WavInvalid, OSError) as error:
        raise TaskFileUnusable("A file of the task is no audio that can be read.", file=file.path) from error
    if info.channels < len(file.parties):
        raise TaskFileUnusable("A file of the task has fewer channels than parties.", file=file.path)
    source, side, files = _tap(task, file)
    return Segment(id=identity, source=source, side=side, state=SegmentState.DOWN, asked=start, started=start,
                   ended=start + info.seconds, cause="recorded elsewhere", files=files)


def _tap(task: Task, file: TaskFile) -> tuple[Source, str, tuple[TrackFile, ...]]:
    """Where the switch would have listened, for which track, and the file's channels."""
    if not file.parties:
        return (Source(leg="", directions=(Direction.MIX,), bridge=task.conference), MIX,
                (TrackFile(direction=Direction.MIX, path=file.path),))
    first = file.parties[0]
    side = _leg(first) if task.kind is CallKind.CONFERENCE else (CALLER, CALLEE)[first]
    directions = (Direction.IN, Direction.OUT)[:len(file.parties)]
    return (Source(leg=_leg(first), directions=directions), side,
            tuple(TrackFile(direction=direction, path=file.path, channel=channel)
                  for channel, direction in enumerate(directions)))
