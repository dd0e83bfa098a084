"""The tables of a session's dialog: every state can be reached and left, and nothing a server sends is forgotten."""

from __future__ import annotations

import pytest

from siprec_app.protocol.dialog import DIALOG, OFFER, Action, DialogInput, DialogState, OfferInput, OfferState

FROM_THE_SERVER = (DialogInput.PROVISIONAL, DialogInput.SUCCESS, DialogInput.REFUSED, DialogInput.TIMEOUT,
                   DialogInput.BYE)


@pytest.mark.parametrize("state", [state for state in DialogState if state is not DialogState.IDLE])
@pytest.mark.parametrize("given", FROM_THE_SERVER)
def test_whatever_a_server_sends_is_decided_in_every_state(state: DialogState, given: DialogInput) -> None:
    assert (state, given) in DIALOG


@pytest.mark.parametrize("state", DialogState)
def test_a_session_can_be_given_up_in_every_state(state: DialogState) -> None:
    after = DIALOG[state, DialogInput.GIVE_UP][0]
    assert after not in (DialogState.CALLING, DialogState.PROCEEDING, DialogState.CONFIRMED)


@pytest.mark.parametrize("state", OfferState)
@pytest.mark.parametrize("given", [given for given in OfferInput if given is not OfferInput.SEND])
def test_every_input_of_an_offer_is_decided_in_every_state(state: OfferState, given: OfferInput) -> None:
    assert (state, given) in OFFER


def test_a_second_offer_is_never_sent_while_one_is_under_way() -> None:
    assert [state for state, given in OFFER if given is OfferInput.SEND] == [OfferState.STABLE]


def test_every_200_to_invite_is_acknowledged() -> None:
    assert all(Action.ACK in actions for (_, given), (_, actions) in DIALOG.items() if given is DialogInput.SUCCESS)


def test_a_dialog_that_is_not_wanted_is_never_left_open() -> None:
    late = [DIALOG[state, DialogInput.SUCCESS] for state in (
        DialogState.ABANDONED, DialogState.CANCELLING, DialogState.ENDED)]
    assert late == [(DialogState.ENDING, (Action.ACK, Action.BYE))] * 3


def test_cancel_is_sent_only_after_a_provisional_response() -> None:
    before = {state for (state, given), (_, actions) in DIALOG.items()
              if Action.CANCEL in actions and given is not DialogInput.PROVISIONAL}
    assert before == {DialogState.PROCEEDING}


@pytest.mark.parametrize("table", [DIALOG, OFFER], ids=["dialog", "offer"])
def test_every_state_is_reached(table: object) -> None:
    assert isinstance(table, dict)
    reached = {move[0] if isinstance(move, tuple) else move for move in table.values()}
    states = {state for state, _ in table}
    assert states - reached <= {DialogState.IDLE}
