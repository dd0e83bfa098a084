"""That no recording server takes a call, and one does again, is in its history once, whichever life of the service saw
it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ledger import Ledger, calls, recordings
from ledger.open import saved_calls
from policy.types import RecordingTarget
from recorder.model import Call, Recording, Session
from recorder.states import Carrying, RecordingState, SessionState
from tests.ledger.examples import RECORDED, call

UNCARRIED, CARRIED = Carrying.UNCARRIED, Carrying.CARRIED


def session(state: SessionState, identity: str = "1@us") -> Session:
    return Session(id=identity, server="main", state=state, asked=1.0)


class Life:
    """A call for a recording server, as one life of the service after the other saves it."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.call: Call = call(decision=replace(RECORDED, target=RecordingTarget.SIPREC))
        self.now = 1.0
        self.saved()

    def saved(self, **changes: Any) -> None:
        """Save the call with changes of its recording, a second later."""
        self.now += 1
        self.call = replace(self.call, recordings=(replace(self.recording, **changes),))
        with self.ledger.transaction() as connection:
            calls.save(connection, [self.call], self.now)

    def again(self) -> None:
        """Another life of the service begins: it remembers nothing of what the one before had saved."""
        with self.ledger.transaction() as connection:
            saved_calls(connection).clear()

    @property
    def recording(self) -> Recording:
        return self.call.recordings[0]

    def news(self) -> list[object]:
        with self.ledger.reading() as connection:
            return [what for what, _ in recordings.history(connection, self.recording.id) if what in set(Carrying)]


def test_a_call_that_a_server_takes_at_once_is_no_news(ledger: Ledger) -> None:
    life = Life(ledger)
    life.saved(sessions=(session(SessionState.TRYING),))
    life.saved(sessions=(session(SessionState.UP),))
    life.saved(sessions=(session(SessionState.OVER),))
    assert life.news() == []


def test_that_no_server_takes_it_is_told_once_and_that_one_does_after_all(ledger: Ledger) -> None:
    life = Life(ledger)
    life.saved(uncarried=True)
    life.saved(sessions=(session(SessionState.TRYING),))
    assert life.news() == [UNCARRIED]
    life.saved(sessions=(session(SessionState.UP),), uncarried=False)
    life.saved(sessions=(session(SessionState.OVER),))
    assert life.news() == [UNCARRIED, CARRIED]
    life.saved(uncarried=True)
    assert life.news() == [UNCARRIED, CARRIED, UNCARRIED]


def test_the_next_life_of_the_service_tells_only_what_is_new(ledger: Ledger) -> None:
    life = Life(ledger)
    life.saved(uncarried=True)
    life.again()
    life.saved(uncarried=False)
    life.saved(uncarried=True)
    assert life.news() == [UNCARRIED]
    life.again()
    life.saved(uncarried=False)
    life.saved(sessions=(session(SessionState.UP),))
    assert life.news() == [UNCARRIED, CARRIED]


def test_it_moves_no_state(ledger: Ledger) -> None:
    life = Life(ledger)
    life.saved(uncarried=True)
    with ledger.reading() as connection:
        assert recordings.history(connection, life.recording.id) == [
            (RecordingState.RECORDING, 2.0), (UNCARRIED, 3.0)]
        assert recordings.get(connection, life.recording.id).recording.uncarried
