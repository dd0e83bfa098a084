"""What the bench reads from a ledger that the product made."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import journeys
from bench.journeys import Journey, Unfinished
from ledger import Ledger
from ledger.tables import calls, recording_states, recordings, segments


def add(ledger: Ledger, name: str, *, created: float, state: str = "ready", started: float | None = 10.02) -> None:
    """A recording of a call: answered at 10.0, hung up at 70.0, finished at 70.3."""
    with ledger.transaction() as connection:
        connection.execute(calls.insert().values(
            id=f"call-{name}", switch="main", boot="1", kind="call", state="closed", created=created, answered=10.0,
            ended=70.0, reason="", body={}))
        connection.execute(recordings.insert().values(id=name, call=f"call-{name}", number=0, state=state,
                                                      created=created, reason=""))
        for number, late in enumerate((30.0, 0.0)):
            connection.execute(segments.insert().values(
                id=f"{name}.{number}", recording=name, number=number, source={}, side="caller", state="down",
                asked=10.001 + late, started=None if started is None else started + late, cause="", forced=False,
                files=[]))
        for at, passed in ((70.1, "processing"), (70.3, state)):
            connection.execute(recording_states.insert().values(recording=name, state=passed, at=at))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A ledger's file with two finished recordings and one that is not."""
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger.open(path)
    add(ledger, "second", created=9.5, state="incomplete")
    add(ledger, "first", created=9.0)
    add(ledger, "third", created=9.9, state="processing")
    ledger.close()
    return path


def test_a_journey_runs_from_the_answer_to_the_final_state(file: Path) -> None:
    journey = journeys.read(file)[0]
    assert journey == Journey("first", "ready", answered=10.0, ended=70.0, started=10.02, final=70.3)
    assert journey.to_recording == pytest.approx(0.02)
    assert journey.to_ready == pytest.approx(0.3)


def test_only_finished_recordings_are_read_oldest_first(file: Path) -> None:
    assert [journey.recording for journey in journeys.read(file)] == ["first", "second"]


def test_recordings_of_an_earlier_round_are_skipped(file: Path) -> None:
    assert [journey.recording for journey in journeys.read(file, skip=1)] == ["second"]


def test_a_tap_that_never_came_up_is_no_journey(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.sqlite")
    add(ledger, "deaf", created=9.0, state="empty", started=None)
    ledger.close()
    assert journeys.read(tmp_path / "ledger.sqlite") == []


def test_states_are_counted(file: Path) -> None:
    assert journeys.states(journeys.read(file)) == "1 ready, 1 incomplete"


async def test_waiting_ends_when_enough_are_finished(file: Path) -> None:
    await journeys.finished(file, 2, within=5)


async def test_waiting_for_what_never_comes_says_how_far_it_came(file: Path) -> None:
    with pytest.raises(Unfinished, match="2 of 3 recordings"):
        await journeys.finished(file, 3, within=0)
