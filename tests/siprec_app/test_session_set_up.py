"""Setting a recording session up, giving it up, and ending it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from siprec_app.protocol import effects, events
from siprec_app.protocol.dialog import DialogState
from siprec_app.protocol.effects import Ack, Answer, Bye, Cancel, Flow, Over, Send
from siprec_app.protocol.metadata import Mode
from siprec_app.protocol.negotiation import Stream
from siprec_app.protocol.responses import Verdict
from siprec_app.protocol.sdp import Direction
from siprec_app.protocol.session import Manner
from tests.siprec_app.documents import COMPLETE
from tests.siprec_app.talk import BOTH, CALLEE, CALLER, PAUSED, Talk, kinds, mirror, only


def test_a_session_begins_with_both_streams_and_all_metadata() -> None:
    talk = Talk()
    assert kinds(talk.want()) == [Send]
    assert talk.sent.metadata == COMPLETE
    assert [(line.label, line.direction.value) for line in talk.offered.media] == [("1", "sendonly"), ("2", "sendonly")]
    found = talk.accept()
    assert kinds(found) == [Ack, Flow]
    assert talk.flowing == ["1", "2"]


def test_nothing_is_sent_before_the_server_has_accepted() -> None:
    talk = Talk()
    talk.want()
    talk.ringing()
    assert talk.flowing == []


def test_a_pause_while_the_session_is_set_up_lets_nothing_flow() -> None:
    talk = Talk()
    talk.want()
    talk.pause()
    talk.accept()
    assert talk.flowing == []
    assert [line.direction for line in talk.offered.media] == [Direction.INACTIVE] * 2


def test_a_200_that_comes_again_is_acknowledged_again_and_nothing_else() -> None:
    talk = Talk().recording()
    assert talk.accept() == (Ack(1, "t"),)


def test_a_second_dialog_of_a_forked_invite_is_ended() -> None:
    talk = Talk().recording()
    assert talk.accept(tag="other") == (Ack(1, "other"), Bye("other"))
    assert talk.flowing == ["1", "2"]


@pytest.mark.parametrize("answer", ["none", "all refused", "one more line"])
def test_an_answer_that_takes_nothing_is_acknowledged_and_ended(answer: str) -> None:
    talk = Talk()
    talk.want()
    whole = mirror(talk.offered)
    found = talk.happens(events.Success(1, "t", {
        "none": None, "all refused": replace(whole, media=tuple(replace(one, port=0) for one in whole.media)),
        "one more line": replace(whole, media=(*whole.media, whole.media[0]))}[answer]))
    assert kinds(found) == [Ack, Bye, Over]
    assert talk.over[0].verdict is Verdict.NEXT


def test_a_server_that_takes_one_stream_gets_one() -> None:
    talk = Talk()
    talk.want()
    whole = mirror(talk.offered)
    talk.accept(replace(whole, media=(whole.media[0], replace(whole.media[1], port=0))))
    assert talk.flowing == ["1"]
    assert talk.over == []


@pytest.mark.parametrize(("status", "verdict"), [
    (302, Verdict.REDIRECT), (403, Verdict.NEXT), (420, Verdict.UNFIT), (488, Verdict.NEXT), (500, Verdict.NEXT),
    (503, Verdict.NEXT), (603, Verdict.NEXT), (491, Verdict.NEXT), (422, Verdict.NEXT),
])
def test_a_refusal_is_the_end_with_this_server(status: int, verdict: Verdict) -> None:
    talk = Talk()
    talk.want()
    assert kinds(talk.refuse(status)) == [Over]
    assert talk.over[0].verdict is verdict
    assert talk.session.dialog is DialogState.ENDED
    assert talk.session.next_deadline() is None


def test_a_server_that_is_overloaded_says_for_how_long_and_a_redirect_says_where() -> None:
    talk = Talk()
    talk.want()
    talk.refuse(503, retry_after=30)
    assert talk.over == [Over(Verdict.NEXT, rest=30)]
    talk = Talk()
    talk.want()
    talk.refuse(302, contacts=("sip:a", "sip:b"))
    assert talk.over == [Over(Verdict.REDIRECT, contacts=("sip:a", "sip:b"))]


def test_a_challenge_is_answered_once() -> None:
    talk = Talk()
    talk.want()
    found = only(talk.refuse(401), Send)
    assert (found.attempt, found.authenticate, found.metadata) == (2, 1, COMPLETE)
    talk.refuse(401)
    assert talk.over == [Over(Verdict.NEXT)]


def test_a_stale_nonce_is_answered_again_but_not_for_ever() -> None:
    talk = Talk()
    talk.want()
    talk.refuse(407)
    for _ in range(9):
        if not talk.over:
            talk.refuse(407, stale=True)
    assert len(talk.sends) == 5
    assert talk.over == [Over(Verdict.NEXT)]


def test_an_interval_that_is_too_short_is_made_as_long_as_the_server_says() -> None:
    talk = Talk(Manner(expires=600))
    talk.want()
    talk.refuse(422, min_se=3600)
    assert (talk.sent.expires, talk.sent.min_se) == (3600, 3600)


def test_an_extension_that_the_server_lacks_is_left_out_but_never_siprec() -> None:
    talk = Talk()
    talk.want()
    talk.refuse(420, unsupported=("timer",))
    assert talk.sent.without == {"timer"}
    talk.refuse(420, unsupported=("siprec",))
    assert talk.over == [Over(Verdict.UNFIT)]


def test_a_session_that_is_given_up_before_any_response_is_cancelled_at_the_first() -> None:
    talk = Talk()
    talk.want()
    assert talk.happens(events.Stop()) == (Over(Verdict.DONE),)
    assert talk.ringing() == (Cancel(1),)
    assert talk.refuse(487) == ()
    assert talk.session.dialog is DialogState.ENDED


def test_a_server_that_takes_too_long_is_cancelled_and_the_next_one_is_asked() -> None:
    talk = Talk(Manner(within=2.0))
    talk.want()
    talk.ringing()
    assert talk.session.next_deadline() == 102.0
    talk.now = 102.0
    assert talk.happens(events.Tick()) == (Cancel(1), Over(Verdict.NEXT))


@pytest.mark.parametrize("before", ["cancelled", "not yet cancelled", "timed out", "refused"])
def test_a_200_that_comes_too_late_is_acknowledged_and_ended(before: str) -> None:
    talk = Talk()
    talk.want()
    if before == "cancelled":
        talk.ringing()
        talk.happens(events.Stop())
    elif before == "not yet cancelled":
        talk.happens(events.Stop())
    elif before == "timed out":
        talk.silence()
    else:
        talk.refuse(503)
    assert talk.accept() == (Ack(1, "t"), Bye("t"))
    assert talk.flowing == []
    assert len(talk.over) == 1


def test_no_answer_at_all_is_the_next_server() -> None:
    talk = Talk()
    talk.want()
    talk.silence()
    assert talk.over == [Over(Verdict.NEXT)]


def test_the_end_of_a_call_silences_then_ends() -> None:
    talk = Talk().recording()
    assert kinds(talk.happens(events.Stop())) == [Flow, Bye, Over]
    assert talk.flowing == []
    talk.happens(events.ByeAnswered())
    assert talk.session.dialog is DialogState.ENDED


def test_a_server_that_is_gone_is_left_for_the_next_one() -> None:
    talk = Talk().recording()
    assert kinds(talk.happens(events.Lost())) == [Flow, Bye, Over]
    assert talk.over == [Over(Verdict.NEXT)]


def test_the_servers_bye_is_answered_and_means_the_next_server() -> None:
    talk = Talk().recording()
    found = talk.happens(events.Ended(7))
    assert kinds(found) == [Flow, Answer, Over]
    assert only(found, Answer) == Answer(7, 200)
    assert talk.over == [Over(Verdict.NEXT)]
    assert talk.happens(events.Ended(8)) == (Answer(8, 481),)


def test_byes_that_cross_are_both_answered() -> None:
    talk = Talk().recording()
    talk.happens(events.Stop())
    assert talk.happens(events.Ended(1)) == (Answer(1, 200),)
    assert talk.happens(events.ByeAnswered()) == ()
    assert talk.over == [Over(Verdict.DONE)]


def test_bye_while_our_offer_is_under_way_does_not_begin_anything() -> None:
    talk = Talk().recording()
    talk.pause()
    talk.happens(events.Ended(1))
    assert talk.accept() == (Ack(2, "t"), Bye("t"))
    assert talk.refuse(481) == ()
    assert len(talk.over) == 1


def test_a_session_that_was_never_begun_is_over_when_it_is_stopped() -> None:
    talk = Talk()
    assert talk.happens(events.Stop()) == (Over(Verdict.DONE),)
    assert talk.want() == ()


def test_streams_that_leave_their_places_change_nothing() -> None:
    talk = Talk().recording()
    with pytest.raises(ValueError):
        talk.want((CALLEE, CALLER))
    assert talk.want(BOTH) == ()


def test_failover_begins_with_everything_again() -> None:
    talk = Talk(Manner(partial=True)).recording()
    talk.happens(events.Ended(1))
    second = Talk(Manner(partial=True))
    second.want(PAUSED)
    assert second.sent.metadata is not None
    assert second.sent.metadata.mode is Mode.COMPLETE
    assert {line.direction for line in second.offered.media} == {Direction.INACTIVE}


def test_a_third_stream_gets_a_line_behind_the_others() -> None:
    talk = Talk().recording()
    talk.want((*BOTH, Stream("3", 40004)))
    assert [line.label for line in talk.offered.media] == ["1", "2", "3"]
    talk.accept()
    assert talk.flowing == ["1", "2", "3"]


def test_a_stream_that_has_ended_is_silent_at_once_and_keeps_its_line() -> None:
    talk = Talk().recording()
    found = talk.want((CALLER, replace(CALLEE, removed=True)))
    assert kinds(found) == [Flow, Send]
    assert [(line.label, line.port) for line in talk.offered.media] == [("1", 40000), ("2", 0)]
    talk.accept()
    assert talk.flowing == ["1"]
    assert isinstance(found[0], effects.Flow)
