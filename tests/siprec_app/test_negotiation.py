"""Offer and answer: what a server takes of our streams, and what it gets when it asks for something itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from faults import RecordingServerProtocolBroken
from siprec_app.protocol.crypto import KEY_LENGTH, Crypto, Suite
from siprec_app.protocol.negotiation import Agreement, Stream, agreement, answer, offer, revised
from siprec_app.protocol.sdp import PCMA, PCMU, Description, Direction, Format, Media, Origin, build, parse

ORIGIN = Origin(session=5, version=1, host="192.0.2.1")
CALLER, CALLEE = Stream("1", 40000), Stream("2", 40002)
OFFER = offer(ORIGIN, [CALLER, CALLEE], [PCMU, PCMA])
OURS = (Crypto(1, Suite.AES_80, b"o" * KEY_LENGTH), Crypto(2, Suite.AES_32, b"p" * KEY_LENGTH))
THEIRS = Crypto(1, Suite.AES_80, b"t" * KEY_LENGTH)
SECURE = offer(ORIGIN, [replace(CALLER, crypto=OURS)], [PCMU])
SERVER = Media(port=50000, formats=(PCMA,), host="192.0.2.9", direction=Direction.RECVONLY)


def answered(*lines: Media) -> Description:
    return Description(Origin(9, 1, "192.0.2.9"), lines)


def labels(agreed: Agreement) -> tuple[list[str], set[str], set[str]]:
    return [flow.label for flow in agreed.flows], set(agreed.waiting), set(agreed.refused)


def test_each_stream_is_offered_sendonly_with_its_label() -> None:
    assert [(line.label, line.direction.value, line.port) for line in OFFER.media] == [
        ("1", "sendonly", 40000), ("2", "sendonly", 40002)]


def test_a_pause_is_offered_inactive_and_an_ended_stream_with_port_0() -> None:
    media = offer(ORIGIN, [replace(CALLER, paused=True), replace(CALLEE, removed=True)], [PCMU]).media
    assert [(line.direction.value, line.port) for line in media] == [("inactive", 40000), ("inactive", 0)]


def test_two_streams_with_one_label_are_not_offered() -> None:
    with pytest.raises(ValueError, match="label"):
        offer(ORIGIN, [CALLER, CALLER], [PCMU])


def test_both_streams_are_taken_in_the_servers_codec() -> None:
    agreed = agreement(OFFER, answered(SERVER, replace(SERVER, port=50002)))
    assert [(flow.label, flow.host, flow.port, flow.rtcp_port, flow.codec) for flow in agreed.flows] == [
        ("1", "192.0.2.9", 50000, 50001, PCMA), ("2", "192.0.2.9", 50002, 50003, PCMA)]


@pytest.mark.parametrize(("second", "expected"), [
    (replace(SERVER, port=0), (["1"], set(), {"2"})),
    (replace(SERVER, direction=Direction.INACTIVE), (["1"], {"2"}, set())),
    (replace(SERVER, direction=Direction.SENDRECV), (["1", "2"], set(), set())),
    (replace(SERVER, direction=Direction.SENDONLY), (["1"], {"2"}, set())),
    (replace(SERVER, host="0.0.0.0"), (["1"], {"2"}, set())),
    (replace(SERVER, formats=(Format("9", "G722", 8000),)), (["1"], set(), {"2"})),
    (replace(SERVER, formats=()), (["1"], set(), {"2"})),
    (replace(SERVER, kind="video"), (["1"], set(), {"2"})),
    (replace(SERVER, profile="RTP/SAVP"), (["1"], set(), {"2"})),
], ids=["port 0", "inactive", "no direction", "sendonly", "held", "codec", "no codec", "kind", "unasked SAVP"])
def test_what_the_server_says_of_the_second_stream(
        second: Media, expected: tuple[list[str], set[str], set[str]]) -> None:
    assert labels(agreement(OFFER, answered(SERVER, second))) == expected


def test_a_line_that_is_missing_in_the_answer_is_a_refused_stream() -> None:
    assert labels(agreement(OFFER, answered(SERVER))) == (["1"], set(), {"2"})


def test_a_line_that_the_server_adds_makes_the_answer_useless() -> None:
    with pytest.raises(RecordingServerProtocolBroken):
        agreement(OFFER, answered(SERVER, SERVER, SERVER))


def test_lines_in_another_order_are_told_apart_by_their_labels() -> None:
    agreed = agreement(OFFER, answered(replace(SERVER, label="2"), replace(SERVER, port=0, label="1")))
    assert labels(agreed) == (["2"], set(), {"1"})


def test_labels_of_the_servers_own_do_not_change_the_order() -> None:
    agreed = agreement(OFFER, answered(replace(SERVER, label="x"), replace(SERVER, port=0, label="1")))
    assert labels(agreed) == (["1"], set(), {"2"})


@pytest.mark.parametrize(("ours", "theirs", "port"), [
    (True, True, 50000), (True, False, 50001), (False, True, 50001),
], ids=["both", "we alone", "they alone"])
def test_rtcp_goes_to_the_port_of_rtp_only_when_both_say_so(ours: bool, theirs: bool, port: int) -> None:
    offered = offer(ORIGIN, [CALLER], [PCMU, PCMA], rtcp_mux=ours)
    assert agreement(offered, answered(replace(SERVER, rtcp_mux=theirs))).flows[0].rtcp_port == port


def test_rtcp_goes_where_the_server_says() -> None:
    assert agreement(OFFER, answered(replace(SERVER, rtcp_port=6000))).flows[0].rtcp_port == 6000


def test_an_encrypted_stream_has_the_keys_of_both() -> None:
    line = replace(SERVER, formats=(PCMU,), profile="RTP/SAVP", crypto=(THEIRS,))
    assert agreement(SECURE, answered(line)).flows[0].key == (OURS[0], THEIRS)


@pytest.mark.parametrize("line", [
    replace(SERVER, formats=(PCMU,)),
    replace(SERVER, formats=(PCMU,), profile="RTP/SAVP"),
    replace(SERVER, formats=(PCMU,), profile="RTP/SAVP", crypto=(replace(THEIRS, tag=7),)),
    replace(SERVER, formats=(PCMU,), profile="RTP/AVP", crypto=(THEIRS,)),
], ids=["in the clear", "no key", "another tag", "a key in the clear"])
def test_what_is_offered_encrypted_is_never_sent_in_the_clear(line: Media) -> None:
    assert labels(agreement(SECURE, answered(line))) == ([], set(), {"1"})


def test_a_change_is_one_version_more_and_no_change_is_none() -> None:
    paused = offer(ORIGIN, [replace(CALLER, paused=True), CALLEE], [PCMU, PCMA])
    after = revised(OFFER, paused)
    assert after.origin == replace(ORIGIN, version=2)
    assert revised(after, paused) == after
    assert revised(after, OFFER).origin == replace(ORIGIN, version=3)


@pytest.mark.parametrize("streams", [[CALLEE, CALLER], [CALLER], [CALLER, Stream("3", 1)]],
                         ids=["turned around", "one less", "another in its place"])
def test_a_stream_never_leaves_its_place(streams: list[Stream]) -> None:
    with pytest.raises(ValueError):
        revised(OFFER, offer(ORIGIN, streams, [PCMU]))


def test_the_place_of_an_ended_stream_can_be_taken_by_a_new_one() -> None:
    ended = revised(OFFER, offer(ORIGIN, [CALLER, replace(CALLEE, removed=True)], [PCMU]))
    media = revised(ended, offer(ORIGIN, [CALLER, Stream("3", 40004)], [PCMU])).media
    assert [line.label for line in media] == ["1", "3"]


def test_an_ended_stream_is_neither_flowing_nor_refused() -> None:
    offered = offer(ORIGIN, [CALLER, replace(CALLEE, removed=True)], [PCMA])
    assert labels(agreement(offered, answered(SERVER, replace(SERVER, port=0)))) == (["1"], set(), set())


# What the server offers in a re-INVITE of its own


def asked(*lines: Media, sent: Description = OFFER, wanted: Description = OFFER) -> tuple[Description, Agreement]:
    result = answer(sent, wanted, answered(*lines))
    assert result is not None
    # What we answer is what goes over the wire.
    return parse(build(result[0])), result[1]


def test_a_server_that_refreshes_gets_the_same_streams() -> None:
    description, agreed = asked(SERVER, SERVER)
    assert [(line.label, line.direction.value, line.formats) for line in description.media] == [
        ("1", "sendonly", (PCMA,)), ("2", "sendonly", (PCMA,))]
    assert labels(agreed)[0] == ["1", "2"]


def test_a_server_may_hold_and_take_up_again() -> None:
    held, agreed = asked(replace(SERVER, direction=Direction.INACTIVE), SERVER)
    assert labels(agreed) == (["2"], {"1"}, set())
    _, agreed = asked(SERVER, SERVER, sent=held)
    assert labels(agreed) == (["1", "2"], set(), set())


def test_a_server_that_wants_a_paused_stream_does_not_get_it() -> None:
    wanted = revised(OFFER, offer(ORIGIN, [replace(CALLER, paused=True), CALLEE], [PCMU, PCMA]))
    description, agreed = asked(SERVER, SERVER, wanted=wanted)
    assert description.media[0].direction is Direction.INACTIVE
    assert labels(agreed) == (["2"], {"1"}, set())


def test_a_stream_that_the_server_adds_is_refused_and_stays_so() -> None:
    description, agreed = asked(SERVER, SERVER, replace(SERVER, kind="video", formats=(Format("99"),)))
    assert [(line.kind, line.port) for line in description.media] == [
        ("audio", 40000), ("audio", 40002), ("video", 0)]
    assert labels(agreed)[0] == ["1", "2"]


def test_a_stream_that_the_server_removes_is_gone() -> None:
    description, agreed = asked(SERVER, replace(SERVER, port=0))
    assert [line.port for line in description.media] == [40000, 0]
    assert labels(agreed) == (["1"], set(), set())


@pytest.mark.parametrize("lines", [
    (SERVER,), (SERVER, replace(SERVER, formats=(Format("9", "G722", 8000),))),
    (SERVER, replace(SERVER, profile="RTP/SAVP", crypto=(THEIRS,))),
], ids=["a line is missing", "no codec", "protection"])
def test_an_offer_that_cannot_be_met_is_refused(lines: tuple[Media, ...]) -> None:
    assert answer(OFFER, OFFER, answered(*lines)) is None


def test_an_offer_with_keys_is_answered_with_its_tag_and_a_key_of_ours() -> None:
    tenth = replace(THEIRS, tag=10, suite=Suite.AES_32)
    line = replace(SERVER, formats=(PCMU,), profile="RTP/SAVP", crypto=(tenth, THEIRS))
    description, agreed = asked(line, sent=SECURE, wanted=SECURE)
    ours = replace(OURS[1], tag=10)
    assert description.media[0].crypto == (ours,)
    assert agreed.flows[0].key == (ours, tenth)


@pytest.mark.parametrize("weaken", [
    lambda line: replace(line, profile="RTP/AVP"), lambda line: replace(line, crypto=()),
], ids=["in the clear", "no key"])
def test_an_encrypted_stream_is_not_asked_for_in_the_clear(weaken: Callable[[Media], Media]) -> None:
    line = replace(SERVER, formats=(PCMU,), profile="RTP/SAVP", crypto=(THEIRS,))
    assert answer(SECURE, SECURE, answered(weaken(line))) is None
