"""What every fault has."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar


class Blame(StrEnum):
    """Whose fault it is: who has to act before it works again."""

    ADMINISTRATOR = "administrator"
    SWITCH = "switch"
    NETWORK = "network"
    CALLER = "caller"
    STORAGE = "storage"
    OPERATOR = "operator"
    PHONOGRAPH = "phonograph"


class Fault(Exception):
    """A fault with a stable id.

    Args:
        message: what happened, as one sentence for a person.
        details: values that belong to it (file, line, status ...). They reach logs: no digits that a caller dialled,
            no tokens, no audio.
    """

    id: ClassVar[str] = "fault"
    blame: ClassVar[Blame] = Blame.PHONOGRAPH
    recording: ClassVar[str] = "Unknown."
    remedy: ClassVar[str] = "Report this with the output of `phonograph explain CALL`."

    def __init__(self, message: str, /, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details: Mapping[str, object] = details

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, dict(self.details)))

    def as_dict(self) -> dict[str, object]:
        """The fault as JSON-ready values: id, blame, message, recording, remedy, details."""
        return {
            "id": self.id,
            "blame": self.blame.value,
            "message": self.message,
            "recording": self.recording,
            "remedy": self.remedy,
            "details": {key: value if isinstance(value, int | float) else str(value)
                        for key, value in self.details.items() if value is not None},
        }


def _rebuild(kind: type[Fault], message: str, details: dict[str, object]) -> Fault:
    return kind(message, **details)
