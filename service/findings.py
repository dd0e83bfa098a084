"""A line of ``phonograph check``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from faults import Fault


class Verdict(StrEnum):
    """``note`` is worth knowing and stops nothing."""

    OK = "ok"
    NOTE = "note"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was looked at, how it is, and what to do about it (empty where it is well)."""

    subject: str
    verdict: Verdict
    said: str
    remedy: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


def well(subject: str, said: str) -> Finding:
    """It is as it should be."""
    return Finding(subject=subject, verdict=Verdict.OK, said=said)


def bad(subject: str, fault: Fault) -> Finding:
    """It is not, and the fault says what to do."""
    return Finding(subject=subject, verdict=Verdict.FAIL, said=fault.message, remedy=fault.remedy)
