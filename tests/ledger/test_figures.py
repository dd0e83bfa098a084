"""What is counted of recording servers: each recording once, whatever becomes of its job later."""

from __future__ import annotations

from dataclasses import replace

from ledger import Ledger, calls, lookup, recordings
from ledger.figures import States
from recorder.model import Carried, Direction, Session
from recorder.states import Carrying, RecordingInput, RecordingState, SessionState
from tests.ledger.examples import BEGAN, call


def counted(ledger: Ledger, states: States) -> dict[tuple[str, str], int]:
    with ledger.reading() as connection:
        states.go_on(connection)
    return dict(states.packets)


def test_the_packets_of_a_recording_are_counted_once_it_is_over_and_never_again(ledger: Ledger) -> None:
    with ledger.reading() as connection:
        states = States.from_now(connection)
    going_on = call()
    (recording,) = going_on.recordings
    sent = Carried(session="1@us", direction=Direction.IN, sent=100, lost=2, unheard=3)
    told = replace(sent, direction=Direction.OUT, lost=0, unheard=-1)
    over = replace(recording, state=RecordingState.PROCESSING, uncarried=True,
                   segments=(replace(recording.segments[0], carried=(sent, told)),),
                   sessions=(Session(id="1@us", server="main", state=SessionState.OVER, asked=BEGAN),))
    with ledger.transaction() as connection:
        calls.save(connection, [going_on], BEGAN)
    assert counted(ledger, states) == {}
    with ledger.transaction() as connection:
        calls.save(connection, [replace(going_on, recordings=(over,))], BEGAN + 1)
    found = counted(ledger, states)
    assert found == {("main", "sent"): 200, ("main", "lost"): 2, ("main", "unheard"): 3}
    with ledger.transaction() as connection:
        recordings.finish(connection, over.id, RecordingInput.GIVE_UP, BEGAN + 2)
        recordings.move(connection, over.id, RecordingInput.PROCESS, BEGAN + 3)
    assert counted(ledger, states) == found
    assert states.counts[Carrying.UNCARRIED] == 1


def test_a_recording_that_no_server_took_several_times_is_one(ledger: Ledger) -> None:
    made = call()
    (recording,) = made.recordings
    up = Session(id="1@us", server="main", state=SessionState.UP, asked=BEGAN, up=BEGAN)
    with ledger.transaction() as connection:
        for uncarried in (True, False, True):
            changed = replace(recording, uncarried=uncarried, sessions=() if uncarried else (up,))
            calls.save(connection, [replace(made, recordings=(changed,)), call(1)], BEGAN)
    with ledger.reading() as connection:
        assert lookup.counts(connection, since=BEGAN, until=BEGAN + 10).uncarried == 1
        assert lookup.counts(connection, since=BEGAN + 1, until=BEGAN + 10).uncarried == 0
        assert len(recordings.history(connection, recording.id)) == 4
