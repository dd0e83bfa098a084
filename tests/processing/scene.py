"""A recording that has ended, its files in a spool, its job in a ledger: what a worker finds."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from ledger import Ledger, calls, jobs, recordings
from ledger.jobs import Job
from ledger.recordings import Kept
from media import wav
from policy.types import Decision, Level, Media, RecordingProfile, Subject
from processing.encryption import Encryption
from processing.names import NameTemplate
from processing.step import Checkpoint, Places, Step
from processing.steps import in_order
from processing.steps.clean import Clean
from processing.steps.compose import LAYOUTS, Layout
from processing.stores.choice import Stores
from processing.stores.local import LocalStore
from processing.worker import Rules, Worker
from recorder.ids import call_id, recording_id, segment_id
from recorder.model import Call, Direction, Leg, LegState, Party, Recording, Segment, Source, TrackFile
from recorder.states import CallState, RecordingState, SegmentState
from tests import manifests

BEGAN = 1_700_000_000.0
RATE = 8_000
TEMPLATE = "{{year}}/{{uuid}}"
SECOND = RATE

_owners = itertools.count()


def noise(seconds: float, seed: int = 1) -> NDArray[np.int16]:
    """Quiet noise, int16 (samples,), with no run of fill."""
    return np.random.default_rng(seed).integers(100, 4_000, round(seconds * RATE), np.int16)


def wav_bytes(audio: NDArray[np.int16], rate: int = RATE) -> bytes:
    columns = audio.reshape(len(audio), -1)
    return wav.header(rate, columns.shape[1], len(columns)) + columns.astype("<i2").tobytes()


def samples_of(path: Path) -> NDArray[np.int16]:
    """The audio of a WAV file, int16 (samples, channels)."""
    with path.open("rb") as file:
        info = wav.read_info(file)
        assert not info.needs_repair
        return np.concatenate(list(wav.read_blocks(file, info, 1 << 20)))


@dataclass
class Clock:
    """A clock that stands, or goes on by ``tick`` seconds each time that it is read."""

    now: float = BEGAN + 100
    tick: float = 0.0

    def __call__(self) -> float:
        self.now += self.tick
        return self.now


@dataclass
class Scene:
    """One call of 4 s between alice and bob, tapped on alice's leg, and its folders below ``folder``.

    ``key``: the file of a public key, if recordings are encrypted. ``recorded``: whether the switch's files are deleted
    in the end. ``plaintext_after``: how long after it, in seconds.
    """

    folder: Path
    destination: Path | None = None
    seconds: float = 4.0
    template: str = TEMPLATE
    clock: Clock = field(default_factory=Clock)
    layouts: frozenset[Layout] = LAYOUTS
    key: Path | None = None
    recorded: bool = False
    plaintext_after: float = 0.0
    own: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        self.spool, self.work = self.folder / "spool", self.folder / "work"
        self.destination = self.destination or self.folder / "recordings"
        self.places = Places(spools={"pbx": self.spool}, work=self.work, destination=self.destination)
        self.stores = Stores.of(LocalStore(self.destination))
        self.id = call_id("pbx", "boot", "id-alice")
        self.recording = recording_id(self.id, 0)
        self.call = self._call()

    def _call(self) -> Call:
        ended = BEGAN + self.seconds
        legs = tuple(Leg(id=f"id-{name}", name=f"PJSIP/{name}-1", state=LegState.GONE, answered=BEGAN, gone=ended,
                         party=Party(user=name, domain="voice.example", number="1001", name=name.title()))
                     for name in ("alice", "bob"))
        segment = Segment(id=segment_id(self.recording, 0), side="caller", state=SegmentState.DOWN, asked=BEGAN,
                          started=BEGAN, ended=ended, cause="hangup",
                          source=Source(leg="id-alice", directions=(Direction.IN, Direction.OUT)),
                          files=(TrackFile(direction=Direction.IN, path="pbx/in.wav"),
                                 TrackFile(direction=Direction.OUT, path="pbx/out.wav")))
        recording = Recording(id=self.recording, call=self.id, state=RecordingState.ENDED, created=BEGAN,
                              started=BEGAN, ended=ended, segments=(segment,))
        decision = Decision(record=True, media=frozenset({Media.AUDIO}), level=Level.USER, rule="user",
                            profile=RecordingProfile.ALWAYS, subject=Subject.CALLER, reason="alice is always recorded.")
        return Call(id=self.id, switch="pbx", boot="boot", first_leg="id-alice", state=CallState.CLOSED, legs=legs,
                    decision=decision, decided_for=("id-alice", "id-bob", None, None), created=BEGAN, answered=BEGAN,
                    connected=BEGAN, ended=ended, recordings=(recording,))

    def with_recording(self, **changes: Any) -> None:
        """Change the recording's fields."""
        self.call = replace(self.call, recordings=(replace(self.call.recordings[0], **changes),))

    def with_segment(self, **changes: Any) -> None:
        """Change the only segment's fields."""
        self.with_recording(segments=(replace(self.call.recordings[0].segments[0], **changes),))

    def write(self, path: str, content: bytes) -> Path:
        """Put a file into the spool."""
        file = self.spool / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def record(self) -> None:
        """Both tracks' files, as long as the call."""
        self.write("pbx/in.wav", wav_bytes(noise(self.seconds, 1)))
        self.write("pbx/out.wav", wav_bytes(noise(self.seconds, 2)))

    def enqueue(self) -> None:
        """Save the call and begin its job."""
        ledger = self.ledger()
        with ledger.transaction() as connection:
            calls.save(connection, [self.call], BEGAN)
            jobs.enqueue(connection, self.recording, BEGAN)
        ledger.close()

    def ledger(self) -> Ledger:
        self.folder.mkdir(parents=True, exist_ok=True)
        return Ledger.open(self.folder / "ledger.db")

    def steps(self) -> tuple[Step, ...]:
        return in_order(NameTemplate.load(self.template, ZoneInfo("UTC")), self.stores, layouts=self.layouts,
                        encryption=self.encryption(), own=self.own)

    def encryption(self) -> Encryption | None:
        """What encrypts, if there is a key."""
        return Encryption(self.key, "", self.folder / "state", clock=self.clock) if self.key is not None else None

    def job(self) -> Job:
        """The recording's job as the ledger has it."""
        ledger = self.ledger()
        with ledger.reading() as connection:
            found = jobs.get(connection, self.recording)
        ledger.close()
        return found

    def kept(self) -> Kept:
        """The recording as the ledger has it."""
        ledger = self.ledger()
        with ledger.reading() as connection:
            found = recordings.get(connection, self.recording)
        ledger.close()
        return found

    def retry(self) -> None:
        """Take the job off the failed list."""
        ledger = self.ledger()
        with ledger.transaction() as connection:
            jobs.retry_failed(connection, self.recording, self.clock.now)
        ledger.close()

    def worker(self, ledger: Ledger, *, steps: tuple[Step, ...] | None = None, attempts: int = 3,
               checkpoint: Checkpoint = lambda _: None, jitter: Callable[[], float] = lambda: 0.0) -> Worker:
        """A worker with an owner of its own."""
        clean = Clean(self.stores, recorded=self.recorded, plaintext_after=self.plaintext_after)
        return Worker(ledger, steps or self.steps(), clean, self.places,
                      Rules(attempts=attempts, lease=60.0), owner=f"worker-{next(_owners)}", clock=self.clock,
                      jitter=jitter, checkpoint=checkpoint)

    def finish(self, *, attempts: int = 3) -> None:
        """Work until nothing is due, as a service does that was started a while later."""
        self.clock.now += 1_000
        ledger = self.ledger()
        worker = self.worker(ledger, attempts=attempts)
        while worker.work_once():
            pass
        ledger.close()

    def visible(self) -> dict[str, Path]:
        """The files that a reader of the destination sees, by their place in it."""
        assert self.destination is not None
        return {path.relative_to(self.destination).as_posix(): path for path in sorted(self.destination.rglob("*"))
                if path.is_file() and not path.name.startswith(".")}

    def leftovers(self) -> list[Path]:
        """Hidden files in the destination, and whatever is left of unfinished ones."""
        assert self.destination is not None
        hidden = [path for path in self.destination.rglob("*") if path.name.startswith(".")]
        return hidden + list(self.work.rglob("*")) if self.work.exists() else hidden

    def manifest(self) -> dict[str, Any]:
        """The only manifest."""
        (found,) = (path for name, path in self.visible().items() if name.endswith(".json"))
        return manifests.read(found)


def assert_whole(path: Path) -> None:
    """The file is complete: a WAV whose header is right and which has audio, or a manifest whose files are there."""
    if path.suffix == ".wav":
        assert len(samples_of(path)) > 0
        return
    document = manifests.read(path)
    for file in document["files"]:
        beside = path.parent / Path(file["filename"]).name
        assert hashlib.sha256(beside.read_bytes()).hexdigest() == file["sha256"]
