"""What a step of a job is, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ledger.tables import Json
from recorder.model import Call, Recording

Facts = dict[str, Json]
Checkpoint = Callable[[str], None]
"""Called with a name after each effect on a disk or the ledger; the tests kill the process there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The folders that jobs work in.

    Attributes:
        spools: for each switch, the folder that it records into.
        work: for unfinished files; nobody else may write there.
        destination: for finished recordings: the local store.
        node: the machine whose folders they are, where several share a ledger; machines that see the same folders under
            the same names may have one name.
    """

    spools: Mapping[str, Path]
    work: Path
    destination: Path
    node: str | None = None

    def recorded_file(self, switch: str, path: str) -> Path | None:
        """Where a file is that a switch reported; None if it is not there, or not inside the switch's spool.

        The switch's word is not trusted: ``..``, an absolute path or a link that leads out count as not there.
        """
        spool = self.spools[switch].resolve()
        try:
            found = (spool / path).resolve(strict=True)
        except (OSError, ValueError):
            return None
        return found if found.is_relative_to(spool) and found.is_file() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One recording, for one worker.

    Attributes:
        facts: what the earlier steps found, by their names.
        folder: this worker's own folder for unfinished files of this recording; it may not exist yet.
    """

    call: Call
    recording: Recording
    facts: Mapping[str, Facts]
    places: Places
    folder: Path
    checkpoint: Checkpoint

    def recorded_file(self, path: str) -> Path | None:
        """Where a file is that the switch reported: :meth:`Places.recorded_file`."""
        return self.places.recorded_file(self.call.switch, path)


class Step(Protocol):
    """A stage of a job. It may be run again at any time, after being killed anywhere: it must come to the same end.

    A step after ``store`` that has an attribute ``local = False`` needs no file of this machine: where the store can be
    reached from all machines, it may run on any of them.
    """

    @property
    def name(self) -> str:
        """Its name in the ledger; it does not change."""

    @property
    def lasting(self) -> bool:
        """Whether what it found has to be in the ledger before the next step begins. Else it is written together with
        what the next one finds, and a worker that is killed between the two has both done again."""

    def run(self, context: Context) -> Facts:
        """Do it.

        Returns:
            What later steps, or the recording's result, need of it.

        Raises:
            Fault: it failed; it is tried again later.
        """
