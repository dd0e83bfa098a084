"""Within a recording session: pauses, what the server never answers, collisions, metadata, timers, its own requests."""

from __future__ import annotations

from dataclasses import replace

import pytest

from siprec_app.protocol import events
from siprec_app.protocol.dialog import DialogState
from siprec_app.protocol.effects import Ack, Answer, Cancel, Flow, Send, Wait
from siprec_app.protocol.metadata import Metadata, Mode
from siprec_app.protocol.negotiation import Stream
from siprec_app.protocol.responses import Verdict
from siprec_app.protocol.sdp import PCMU, Description, Direction, Media, Origin
from siprec_app.protocol.session import ANSWERED_WITHIN, COLLISION, TRIED_AGAIN, Manner
from tests.siprec_app.documents import COMPLETE, LEFT
from tests.siprec_app.talk import BOTH, CALLEE, CALLER, PAUSED, Talk, kinds, mirror, only

OTHER = Metadata(Mode.COMPLETE, groups=COMPLETE.groups)


def directions(description: Description) -> list[str]:
    return [line.direction.value for line in description.media]


def version(description: Description) -> int:
    assert description.origin is not None
    return description.origin.version


# Pause and resume


def test_a_pause_silences_before_the_server_is_told() -> None:
    talk = Talk().recording()
    assert kinds(talk.pause()) == [Flow, Send]
    assert talk.flowing == []
    assert directions(talk.offered) == ["inactive", "inactive"]
    assert version(talk.offered) == 2


def test_a_resume_flows_when_the_server_has_accepted_it() -> None:
    talk = Talk().recording()
    talk.pause()
    talk.accept()
    assert kinds(talk.want(BOTH)) == [Send]
    assert talk.flowing == []
    assert kinds(talk.accept()) == [Ack, Flow]
    assert talk.flowing == ["1", "2"]
    assert version(talk.offered) == 3


def test_one_stream_can_be_paused_alone() -> None:
    talk = Talk().recording()
    talk.want((PAUSED[0], CALLEE))
    talk.accept()
    assert talk.flowing == ["2"]
    assert directions(talk.offered) == ["inactive", "sendonly"]


@pytest.mark.parametrize("answer", ["accepted", "refused", "never", "collision"])
def test_a_paused_stream_stays_silent_whatever_the_server_answers(answer: str) -> None:
    talk = Talk().recording()
    talk.pause()
    if answer == "accepted":
        # A server that answers an inactive offer as if it were none.
        talk.accept(mirror(talk.offered, Direction.RECVONLY))
    elif answer == "refused":
        talk.refuse(488)
    elif answer == "collision":
        talk.refuse(491)
        talk.happens(events.Waited())
    else:
        talk.silence()
    assert talk.flowing == []
    assert talk.over == []


def test_a_pause_that_was_never_answered_does_not_hold_a_resume_up() -> None:
    talk = Talk().recording()
    talk.pause()
    talk.ringing()
    talk.now += ANSWERED_WITHIN
    assert only(talk.happens(events.Tick()), Cancel) == Cancel(2)
    talk.want(BOTH)
    assert talk.flowing == ["1", "2"]
    talk.refuse(487)
    assert directions(talk.offered) == ["sendonly", "sendonly"]
    assert version(talk.offered) == 3


def test_a_resume_within_the_time_for_an_answer_waits_for_it() -> None:
    talk = Talk().recording()
    talk.pause()
    talk.want(BOTH)
    assert talk.flowing == []
    assert len(talk.sends) == 2
    talk.accept()
    assert directions(talk.offered) == ["sendonly", "sendonly"]
    talk.accept()
    assert talk.flowing == ["1", "2"]


def test_without_a_provisional_response_nothing_is_cancelled() -> None:
    talk = Talk().recording()
    talk.pause()
    talk.now += ANSWERED_WITHIN
    assert talk.happens(events.Tick()) == ()
    assert talk.ringing() == (Cancel(2),)


def test_a_reinvite_that_is_never_answered_does_not_end_the_session_and_is_tried_again() -> None:
    talk = Talk(Manner(partial=True)).recording()
    talk.want(PAUSED, OTHER, LEFT)
    talk.silence()
    assert talk.over == []
    # The change may have been lost: everything is said at once.
    assert (len(talk.sends), talk.sent.metadata) == (3, OTHER)
    talk.silence()
    assert talk.session.next_deadline() == talk.now + 2 * TRIED_AGAIN
    talk.until(lambda: len(talk.sends) == 4)
    assert directions(talk.offered) == ["inactive", "inactive"]
    assert talk.sent.metadata == OTHER


def test_what_is_never_accepted_is_tried_less_and_less_often() -> None:
    talk = Talk().recording()
    talk.pause()
    waits = []
    for count in range(3, 12):
        talk.silence()
        before = talk.now
        talk.until(lambda count=count: len(talk.sends) == count)  # type: ignore[misc]
        waits.append(talk.now - before)
    assert waits == [10, 20, 40, 80, 160, 320, 320, 320, 320]


@pytest.mark.parametrize("status", [400, 403, 408, 488, 500, 503, 600])
def test_a_reinvite_that_is_refused_leaves_the_session_as_it_was(status: int) -> None:
    talk = Talk().recording()
    talk.want((*BOTH, Stream("3", 40004)))
    talk.refuse(status)
    assert talk.over == []
    assert talk.flowing == ["1", "2"]


def test_a_server_that_has_lost_the_dialog_is_left() -> None:
    talk = Talk().recording()
    talk.pause()
    talk.refuse(481)
    assert [over.verdict for over in talk.over] == [Verdict.NEXT]


def test_a_late_200_to_a_reinvite_that_had_timed_out_is_acknowledged() -> None:
    talk = Talk().recording()
    talk.pause()
    talk.silence()
    assert talk.accept(attempt=2) == (Ack(2, "t"),)
    assert talk.flowing == []


def test_labels_and_their_places_last_as_long_as_the_session() -> None:
    talk = Talk().recording()
    for streams in (PAUSED, BOTH, (PAUSED[0], CALLEE), (CALLER, replace(CALLEE, removed=True))):
        talk.want(streams)
        talk.accept()
    seen = {tuple(line.label for line in send.description.media) for send in talk.sends if send.description}
    assert seen == {("1", "2")}
    assert [version(send.description) for send in talk.sends if send.description] == [1, 2, 3, 4, 5]


# Collisions


def test_a_collision_is_waited_for_and_sent_again() -> None:
    talk = Talk().recording()
    talk.pause()
    assert talk.refuse(491) == (Wait(*COLLISION),)
    assert talk.session.next_deadline() is None
    assert only(talk.happens(events.Waited()), Send).metadata is None
    assert directions(talk.offered) == ["inactive", "inactive"]


def test_the_servers_offer_goes_first_while_ours_waits() -> None:
    talk = Talk().recording()
    repeated = talk.repeats()
    talk.pause()
    talk.refuse(491)
    answer = talk.asks(description=repeated)
    assert answer.status == 200
    assert answer.description is not None
    assert directions(answer.description) == ["inactive", "inactive"]
    talk.happens(events.Waited())
    assert len(talk.sends) == 2
    # The answer has said what the offer was to say.
    assert kinds(talk.happens(events.Acknowledged())) == []
    assert talk.flowing == []


def test_an_offer_of_the_server_while_ours_is_under_way_is_refused_with_491() -> None:
    talk = Talk().recording()
    repeated = talk.repeats()
    talk.pause()
    assert talk.asks(description=repeated).status == 491
    assert talk.asks("UPDATE", repeated).status == 491
    assert talk.asks("UPDATE").status == 200


def test_a_second_offer_before_the_ack_of_the_first_is_refused_with_500() -> None:
    talk = Talk().recording()
    talk.asks(description=talk.repeats())
    assert talk.asks(description=talk.repeats()) == Answer(2, 500, retry_after=(0, 10))


def test_ours_waits_for_the_ack_of_the_servers_offer() -> None:
    talk = Talk().recording()
    talk.asks(description=talk.repeats())
    assert kinds(talk.pause()) == [Flow]
    assert kinds(talk.happens(events.Acknowledged())) == [Send]


# What the server asks for itself


def test_a_refresh_of_the_servers_is_answered_and_recording_goes_on() -> None:
    talk = Talk().recording()
    answer = talk.asks(description=talk.repeats(), expires=1800, refresher="uac")
    assert (answer.status, answer.expires, answer.refresher) == (200, 1800, "uac")
    talk.happens(events.Acknowledged())
    assert talk.flowing == ["1", "2"]
    assert len(talk.sends) == 1


def test_a_server_that_holds_is_not_asked_to_go_on() -> None:
    talk = Talk().recording()
    talk.asks(description=talk.repeats(Direction.INACTIVE))
    assert talk.flowing == []
    assert kinds(talk.happens(events.Acknowledged())) == []
    talk.asks(description=talk.repeats())
    assert talk.flowing == ["1", "2"]


def test_a_server_that_accepts_without_listening_gets_media_when_it_asks() -> None:
    talk = Talk()
    talk.want()
    talk.accept(mirror(talk.offered, Direction.INACTIVE))
    assert talk.flowing == []
    assert talk.over == []
    talk.asks(description=talk.repeats())
    assert talk.flowing == ["1", "2"]


def test_a_stream_that_the_server_adds_keeps_its_refused_line_for_ever() -> None:
    talk = Talk().recording()
    three = replace(talk.repeats(), media=(*talk.repeats().media, Media(
        port=50010, formats=(PCMU,), host="192.0.2.9", direction=Direction.RECVONLY)))
    answer = talk.asks(description=three)
    assert answer.description is not None
    assert [line.port for line in answer.description.media] == [40000, 40002, 0]
    talk.happens(events.Acknowledged())
    talk.pause()
    assert [line.port for line in talk.offered.media] == [40000, 40002, 0]
    talk.accept()
    assert talk.over == []


def test_an_invite_without_an_offer_gets_ours_and_its_answer_comes_in_the_ack() -> None:
    talk = Talk().recording()
    answer = talk.asks()
    assert answer.description is not None
    assert directions(answer.description) == ["sendonly", "sendonly"]
    talk.happens(events.Acknowledged(mirror(answer.description, port=60000)))
    assert talk.flowing == ["1", "2"]
    assert len(talk.sends) == 1


@pytest.mark.parametrize(("broken", "status"), [
    ({"unreadable": True}, 400), ({"expires": 60}, 422), ({"description": Description(
        Origin(1, 1, "192.0.2.9"), (Media(1, (PCMU,)),))}, 488),
], ids=["cannot be read", "too short", "a line is missing"])
def test_a_request_that_cannot_be_met_changes_nothing(broken: dict[str, object], status: int) -> None:
    talk = Talk().recording()
    answer = talk.asks(**broken)  # type: ignore[arg-type]
    assert answer.status == status
    assert answer.min_se == (90 if status == 422 else None)
    assert talk.flowing == ["1", "2"]
    assert kinds(talk.pause()) == [Flow, Send]


def test_a_request_that_is_out_of_order_is_refused() -> None:
    talk = Talk().recording()
    talk.asks("UPDATE")
    talk.cseq -= 1
    assert talk.asks("UPDATE").status == 500


def test_a_request_before_there_is_a_dialog_is_none_of_ours() -> None:
    assert Talk().asks("UPDATE").status == 481


def test_everything_is_told_at_once_when_the_server_asks_for_it() -> None:
    talk = Talk(Manner(partial=True)).recording()
    found = talk.happens(events.Requested(1, "UPDATE", snapshot=True))
    assert kinds(found) == [Answer, Send]
    assert (talk.sent.method, talk.sent.metadata) == ("INVITE", COMPLETE)
    assert version(talk.offered) == 1


# Metadata


def test_metadata_goes_with_the_offer_unless_the_server_takes_it_alone() -> None:
    talk = Talk().recording()
    talk.want(BOTH, OTHER, LEFT)
    assert (talk.sent.method, talk.sent.metadata) == ("INVITE", OTHER)
    assert version(talk.offered) == 1
    talk = Talk(Manner(partial=True, update=True)).recording()
    talk.want(BOTH, OTHER, LEFT)
    assert (talk.sent.method, talk.sent.description, talk.sent.metadata) == ("UPDATE", None, LEFT)


def test_a_change_that_names_a_label_goes_with_the_offer() -> None:
    talk = Talk(Manner(partial=True, update=True)).recording()
    change = replace(LEFT, streams=COMPLETE.streams)
    talk.want(BOTH, OTHER, change)
    assert (talk.sent.method, talk.sent.metadata) == ("INVITE", change)


def test_a_change_that_is_refused_is_followed_by_everything() -> None:
    talk = Talk(Manner(partial=True, update=True)).recording()
    talk.want(BOTH, OTHER, LEFT)
    assert kinds(talk.refuse(488)) == [Send]
    assert (talk.sent.method, talk.sent.metadata) == ("INVITE", OTHER)


def test_metadata_that_changes_while_an_offer_is_under_way_follows_it() -> None:
    talk = Talk().recording()
    talk.pause()
    talk.want(PAUSED, OTHER)
    assert len(talk.sends) == 2
    talk.accept()
    assert (len(talk.sends), talk.sent.metadata) == (3, OTHER)


def test_what_was_said_before_a_collision_is_said_again() -> None:
    talk = Talk(Manner(partial=True)).recording()
    talk.want(PAUSED, OTHER, LEFT)
    talk.refuse(491)
    talk.happens(events.Waited())
    assert talk.sent.metadata == OTHER


# Session timers


def test_we_refresh_when_half_of_the_interval_is_over() -> None:
    talk = Talk().recording(expires=1800, refresher="uac")
    talk.until(lambda: len(talk.sends) == 2)
    assert talk.now == 1000.0
    assert (version(talk.offered), talk.sent.metadata, talk.sent.refresher) == (1, None, "uac")
    talk.accept(expires=1800, refresher="uac")
    talk.until(lambda: len(talk.sends) == 3)
    assert talk.now == 1900.0


def test_a_server_that_no_longer_refreshes_is_ended_and_left() -> None:
    talk = Talk().recording(expires=1800, refresher="uas")
    talk.until(lambda: bool(talk.over))
    assert (talk.now, talk.over[0].verdict) == (1868.0, Verdict.NEXT)
    assert talk.session.dialog is DialogState.ENDING


def test_a_refresh_that_is_never_answered_is_tried_until_the_end_of_the_interval() -> None:
    talk = Talk().recording(expires=1800, refresher="uac")
    while not talk.over:
        sends = len(talk.sends)
        talk.until(lambda sends=sends: len(talk.sends) > sends or bool(talk.over))  # type: ignore[misc]
        if not talk.over:
            talk.now += 32
            talk.silence()
    assert len(talk.sends) > 10
    assert 1868.0 <= talk.now < 1900.0


def test_a_server_without_a_timer_is_never_refreshed_nor_ended() -> None:
    assert Talk().recording().session.next_deadline() is None


def test_the_servers_refresh_sets_the_timer_anew() -> None:
    talk = Talk().recording(expires=1800, refresher="uas")
    talk.now = 1000.0
    talk.asks("UPDATE", expires=1800, refresher="uac")
    talk.until(lambda: bool(talk.over))
    assert talk.now == 1000.0 + 1768.0


def test_a_minimum_that_the_server_named_is_named_from_then_on() -> None:
    talk = Talk(Manner(expires=600))
    talk.want()
    talk.refuse(422, min_se=1200)
    talk.accept(expires=1200, refresher="uac")
    talk.pause()
    assert (talk.sent.expires, talk.sent.min_se) == (1200, 1200)
