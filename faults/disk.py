"""Room for recordings."""

from __future__ import annotations

from faults.base import Blame, Fault


class DiskFault(Fault):
    """Room for recordings."""

    id = "disk"
    blame = Blame.STORAGE
    remedy = "Free space or make the file system larger; docs/assurance.md says what may go."


class DiskLow(DiskFault):
    """Less is free than `disk.warn_below` of the settings."""

    id = "disk.low"
    recording = "Every recording goes on."


class DiskNearlyFull(DiskFault):
    """Less is free than `disk.stop_optional_below` of the settings."""

    id = "disk.nearly-full"
    recording = "Calls that have to be recorded are; optional recordings are stopped, and no new one starts."
