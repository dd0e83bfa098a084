"""SIP transactions on a clock of their own: what is sent again, when, and when it is over."""

from __future__ import annotations

import pytest

from siprec_app.transactions import (
    LIFETIME,
    T1,
    T2,
    T4,
    TABLES,
    TIMING,
    Action,
    Input,
    Kind,
    State,
    Transaction,
)


class Run:
    """One transaction from 0 s on, and what it has done by when."""

    def __init__(self, kind: Kind, *, reliable: bool = False) -> None:
        self.machine = Transaction(kind, reliable=reliable, now=0.0)
        self.now = 0.0

    def gets(self, *inputs: Input) -> list[Action]:
        return [action for one in inputs for action in self.machine.receive(one, self.now)]

    def until(self, end: float) -> list[tuple[float, Action]]:
        """Let time pass, from timer to timer."""
        found = []
        while (deadline := self.machine.next_deadline()) is not None and deadline <= end:
            self.now = deadline
            found += [(deadline, action) for action in self.machine.tick(deadline)]
        self.now = end
        return found


def times(found: list[tuple[float, Action]], action: Action = Action.SEND) -> list[float]:
    return [at for at, one in found if one is action]


def test_an_invite_is_sent_again_and_given_up() -> None:
    run = Run(Kind.CLIENT_INVITE)
    found = run.until(100)
    assert times(found) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]  # RFC 3261 section 17.1.1.2
    assert times(found, Action.TIMEOUT) == [32]
    assert run.machine.state is State.TERMINATED


def test_another_request_is_sent_again_each_four_seconds() -> None:
    found = Run(Kind.CLIENT).until(100)
    assert times(found) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert times(found, Action.TIMEOUT) == [32]


@pytest.mark.parametrize("kind", [Kind.CLIENT, Kind.CLIENT_INVITE])
def test_nothing_is_sent_again_on_a_connection(kind: Kind) -> None:
    assert Run(kind, reliable=True).until(100) == [(LIFETIME, Action.TIMEOUT)]


def test_a_provisional_response_ends_the_time_of_an_invite() -> None:
    run = Run(Kind.CLIENT_INVITE)
    assert run.gets(Input.PROVISIONAL) == [Action.TELL]
    assert run.until(1000) == []
    assert run.gets(Input.SUCCESS) == [Action.TELL]


def test_a_provisional_response_does_not_end_the_time_of_another_request() -> None:
    run = Run(Kind.CLIENT)
    run.gets(Input.PROVISIONAL)
    found = run.until(100)
    assert times(found)[0] == T2
    assert times(found, Action.TIMEOUT) == [LIFETIME]


def test_an_invite_that_was_cancelled_and_never_answered_ends() -> None:
    run = Run(Kind.CLIENT_INVITE)
    run.gets(Input.PROVISIONAL)
    run.now = 5.0
    run.gets(Input.CANCEL)
    assert run.until(100) == [(5.0 + LIFETIME, Action.TIMEOUT)]


def test_a_200_that_crosses_the_cancel_is_told() -> None:
    assert Run(Kind.CLIENT_INVITE).gets(Input.PROVISIONAL, Input.CANCEL, Input.SUCCESS) == [Action.TELL, Action.TELL]


def test_a_refusal_is_acknowledged_as_often_as_it_comes_and_told_once() -> None:
    run = Run(Kind.CLIENT_INVITE)
    assert run.gets(Input.REFUSAL, Input.REFUSAL) == [Action.ACK, Action.TELL, Action.ACK]
    run.until(LIFETIME)
    assert run.machine.state is State.TERMINATED


def test_a_200_is_told_as_often_as_it_comes() -> None:
    run = Run(Kind.CLIENT_INVITE)
    assert run.gets(Input.SUCCESS, Input.SUCCESS, Input.REFUSAL) == [Action.TELL, Action.TELL]
    run.until(LIFETIME)
    assert run.machine.state is State.TERMINATED


@pytest.mark.parametrize("kind", [Kind.CLIENT, Kind.CLIENT_INVITE])
def test_a_connection_that_breaks_ends_what_waits_for_an_answer(kind: Kind) -> None:
    run = Run(kind, reliable=True)
    assert run.gets(Input.BROKEN, Input.SUCCESS) == [Action.TIMEOUT]


def test_the_answer_to_another_request_is_told_once() -> None:
    run = Run(Kind.CLIENT)
    assert run.gets(Input.SUCCESS, Input.SUCCESS) == [Action.TELL]
    run.until(T4)
    assert run.machine.state is State.TERMINATED


@pytest.mark.parametrize("reliable", [False, True])
def test_our_200_is_sent_again_until_its_ack(reliable: bool) -> None:
    run = Run(Kind.SERVER_INVITE, reliable=reliable)
    assert run.gets(Input.SUCCESS) == [Action.SEND]
    assert times(run.until(4)) == [0.5, 1.5, 3.5]
    assert run.gets(Input.ACK, Input.ACK, Input.REQUEST) == [Action.TELL]
    assert run.until(LIFETIME) == []
    assert run.machine.state is State.TERMINATED


def test_our_200_without_an_ack_is_given_up() -> None:
    run = Run(Kind.SERVER_INVITE)
    run.gets(Input.SUCCESS)
    found = run.until(100)
    assert times(found, Action.TIMEOUT) == [LIFETIME]
    assert max(later - before for before, later in zip(times(found), times(found)[1:], strict=False)) == T2


def test_our_refusal_is_sent_again_until_its_ack() -> None:
    run = Run(Kind.SERVER_INVITE)
    assert run.gets(Input.REFUSAL, Input.REQUEST) == [Action.SEND, Action.SEND]
    assert times(run.until(2)) == [T1, 1.5]
    run.gets(Input.ACK)
    assert run.until(2 + T4) == []
    assert run.machine.state is State.TERMINATED


def test_a_request_that_comes_again_gets_the_same_answer() -> None:
    run = Run(Kind.SERVER)
    assert run.gets(Input.REQUEST) == []
    assert run.gets(Input.SUCCESS, Input.REQUEST, Input.REQUEST) == [Action.SEND] * 3
    run.until(LIFETIME)
    assert run.machine.state is State.TERMINATED


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("reliable", [False, True])
def test_every_state_but_those_that_wait_for_us_or_a_ringing_server_ends_by_itself(kind: Kind, reliable: bool) -> None:
    first, moves = TABLES[kind]
    states = {first, *(state for state, _ in moves.values())} - {State.TERMINATED}
    open_ended = {state for state in states if TIMING.get((kind, state)) is None}
    assert open_ended == {Kind.CLIENT_INVITE: {State.PROCEEDING}, Kind.SERVER_INVITE: {State.PROCEEDING},
                          Kind.SERVER: {State.TRYING}, Kind.CLIENT: set()}[kind]
    assert all((state, Input.EXPIRE) in moves for state in states - open_ended)


def test_time_that_jumps_is_survived() -> None:
    run = Run(Kind.CLIENT)
    assert run.machine.tick(1e9) == (Action.TIMEOUT,)
    assert run.machine.next_deadline() is None
