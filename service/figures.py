"""The figures of the running service, for whoever watches it: one look at the ledger, the drivers and the disks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from ledger.changes import What
from ledger.deliveries import Status
from ledger.figures import States, open_jobs, open_notices
from ledger.jobs import JobState
from recorder.states import SessionState
from service.driver import Driver, Health
from service.running import running


@dataclass(frozen=True, slots=True)
class Switches:
    """How each driver is, and (switch, state) -> recordings that are being made.

    Attributes:
        uncarried: switch -> recordings that a recording server should have, and none takes.
        sessions: (server, state) -> sessions that are not over.
    """

    health: Mapping[str, Health]
    recording: Mapping[tuple[str, str], int]
    uncarried: Mapping[str, int]
    sessions: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was found.

    Attributes:
        switches: what was found of the switches.
        came_to: how often recordings came to each state, or to no recording server, since the first look.
        packets: (server, what) -> packets of the recordings that were over since.
        jobs, notices: what waits, runs and has failed; notices by channel.
    """

    switches: Switches
    came_to: Mapping[What, int]
    packets: Mapping[tuple[str, str], int]
    jobs: Mapping[JobState, int]
    notices: Mapping[tuple[str, Status], int]


class Look:
    """Takes the figures, one look after another. The first one begins the count of states."""

    def __init__(self, drivers: Mapping[str, Driver]) -> None:
        self._drivers = drivers
        self._states: States | None = None

    def switches(self) -> Switches:
        """How the switches are, and what is recorded on them; asked in the drivers' own thread."""
        now = Counter((name, row["state"]) for name, driver in self._drivers.items() for row in running(driver.calls()))
        live = [(name, recording) for name, driver in self._drivers.items() for call in driver.calls()
                if (recording := call.recording) is not None]
        return Switches(
            {name: driver.health() for name, driver in self._drivers.items()}, now,
            Counter(name for name, recording in live if recording.uncarried),
            Counter((session.server, session.state.value) for _, recording in live for session in recording.sessions
                    if session.state is not SessionState.OVER))

    def take(self, connection: Connection, switches: Switches) -> Figures:
        """One look, with what was found of the switches.

        Raises:
            LedgerUnavailable: the ledger cannot be read.
        """
        if self._states is None:
            self._states = States.from_now(connection)
        self._states.go_on(connection)
        return Figures(switches=switches, came_to=dict(self._states.counts), packets=dict(self._states.packets),
                       jobs=open_jobs(connection), notices=open_notices(connection))
