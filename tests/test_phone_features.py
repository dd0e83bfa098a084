"""What the phone can do within a call, without a switch: hold, move, keys, transfers."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio

from tests.dtmf import Press, digit_of, payloads
from tests.hearing import locate
from tests.pair import HERE
from tests.phone import Call, CallFailed, Network, Phone
from tests.rtp import Stream, Ticker
from tests.sip import Message, media_of, sdp
from tests.sounds import PACKET
from tests.transfers import Dialog, progress_of


def within(call: Call, method: str, sequence: int) -> Message:
    """A request of a call's own dialog, as the phone would not write it."""
    local, remote = f"<sip:h>;tag={call.dialog.from_tag}", f"<sip:t>;tag={call.dialog.to_tag}"
    return call.phone.agent.request(method, "sip:there", local=local, remote=remote, call_id=call.id, sequence=sequence)


@pytest_asyncio.fixture
async def elsewhere(pair: tuple[Phone, Phone]) -> AsyncIterator[Stream]:
    """Another port of the first phone."""
    stream = Stream(Ticker(asyncio.get_running_loop()), None, Network(), keep=True)
    await pair[0].prepare(stream)
    yield stream
    stream.close()


# ---- Offers within a call -------------------------------------------------------------------------------------------


async def test_a_reinvite_that_holds_silences_and_one_that_resumes_does_not(pair: tuple[Phone, Phone]) -> None:
    here, there = pair
    call = here.call("there")
    taken = await there.next_call()
    await call.answered

    assert await call.offer("sendonly") == "recvonly"
    held = len(taken.stream.sent)
    await taken.stream.listen(0.2)
    assert len(taken.stream.sent) == held
    assert await call.offer("sendrecv") == "sendrecv"
    await call.stream.listen(0.1)


async def test_who_holds_stays_on_hold_through_the_other_sides_offers(pair: tuple[Phone, Phone]) -> None:
    here, there = pair
    call = here.call("there")
    taken = await there.next_call()
    await call.answered

    assert await taken.hold() == "recvonly"
    assert await call.offer("sendrecv") == "sendonly"
    assert await call.hold() == "inactive"
    assert await call.resume() == "sendonly"
    assert await taken.resume() == "sendrecv"


async def test_audio_follows_who_moves(pair: tuple[Phone, Phone], elsewhere: Stream) -> None:
    here, there = pair
    call = here.call("there")
    taken = await there.next_call()
    await call.answered

    elsewhere.connect(taken.stream.address, "PCMU", held=False, events=None)
    call.stream.close()
    call.stream = elsewhere
    await call.offer("sendrecv")
    await elsewhere.listen(0.1)
    assert elsewhere.arrivals[0].sender == taken.stream.address


async def test_an_invitation_without_an_offer_gets_one(pair: tuple[Phone, Phone], elsewhere: Stream) -> None:
    here, there = pair
    call = here.call("there")
    taken = await there.next_call()
    await call.answered

    final, number = await here.agent.ask_with_digest(within(call, "INVITE", 7))
    theirs = media_of(final.body)
    assert (theirs.address, theirs.direction) == (taken.stream.address, "sendrecv")
    ack = within(call, "ACK", number)
    ack.headers.append(("Content-Type", "application/sdp"))
    ack.body = sdp(elsewhere.address, ("PCMU",), session=1)
    elsewhere.connect(taken.stream.address, "PCMU", held=False, events=None)
    here.agent.send_ack(ack, final)
    await elsewhere.listen(0.1)
    assert elsewhere.arrivals[0].sender == taken.stream.address


# ---- Digits ---------------------------------------------------------------------------------------------------------


async def test_digits_are_heard_as_digits_and_not_as_audio(pair: tuple[Phone, Phone]) -> None:
    here, there = pair
    call = here.call("there")
    taken = await there.next_call()
    await call.answered
    await taken.stream.listen(0.1)
    began = len(call.stream.sent)
    await call.dial("*711")
    await taken.stream.listen(0.1)
    await call.hangup()
    await taken.ended

    assert (taken.digits, call.digits) == ("*711", "")
    assert taken.stream.counters.events == 4 * (5 + 2)
    assert taken.stream.counters.lost == 0
    steps = np.diff(call.stream.sent.samples[began - 1 :]) // PACKET
    assert sorted(steps[steps > 1].tolist()) == [6, 6, 6, 6]
    assert locate(HERE.samples, taken.stream.heard()).offset == 0


def test_a_press_is_one_event_whose_end_comes_three_times() -> None:
    press = Press("#", packets=3, gap=2)
    sent = [payload for k in range(3) for payload in payloads(press, k)]
    assert [payload.hex() for payload in sent] == ["0b0a00a0", "0b0a0140", "0b8a01e0", "0b8a01e0", "0b8a01e0"]
    assert [digit_of(payload) for payload in sent] == ["#"] * 5
    assert digit_of(b"\x10\x0a\x00\xa0") == digit_of(b"\x01") == ""


async def test_keys_work_on_a_phone_that_says_nothing(pair: tuple[Phone, Phone]) -> None:
    here, there = pair
    here.sound = None
    call = here.call("there")
    taken = await there.next_call()
    await call.answered
    await call.dial("0")
    await call.hangup()
    await taken.ended
    assert (taken.digits, len(call.stream.sent)) == ("0", 0)


# ---- Transfers ------------------------------------------------------------------------------------------------------


async def test_a_new_call_takes_the_place_of_an_old_one(pair: tuple[Phone, Phone]) -> None:
    here, there = pair
    call = here.call("there")
    taken = await there.next_call()
    await call.answered
    second = here.call("there", replaces=call)
    await second.answered
    await asyncio.gather(call.ended, taken.ended)
    instead = await there.next_call()
    assert instead.ended_at is None
    assert instead.id == second.id


async def test_a_place_that_is_gone_cannot_be_taken(pair: tuple[Phone, Phone]) -> None:
    here, _ = pair
    call = here.call("there")
    await call.answered
    await call.hangup()
    with pytest.raises(CallFailed, match="481"):
        await here.call("there", replaces=call).answered


async def test_a_phone_that_forwards_says_where_to(pair: tuple[Phone, Phone]) -> None:
    here, there = pair
    there.forwards = "103"
    with pytest.raises(CallFailed, match="302"):
        await here.call("there").answered


def test_a_replaces_names_a_dialog_and_fits_into_a_uri() -> None:
    dialog = Dialog("a@b", to_tag="7", from_tag="9")
    invite = Message("INVITE sip:x SIP/2.0", [("Replaces", str(dialog))])
    assert str(dialog) == "a@b;to-tag=7;from-tag=9"
    assert Dialog.of(invite) == dialog
    assert Dialog.of(Message("INVITE sip:x SIP/2.0")) is None
    assert dialog.refer_to("sip:1@h") == "<sip:1@h?Replaces=a%40b%3Bto-tag%3D7%3Bfrom-tag%3D9>"


def test_the_news_of_a_transfer_is_its_status() -> None:
    news = Message("NOTIFY sip:x SIP/2.0", [("Event", "refer;id=2")], "SIP/2.0 503 Service Unavailable\r\n")
    other = Message("NOTIFY sip:x SIP/2.0", [("Event", "message-summary")], "Messages-Waiting: no\r\n")
    assert (progress_of(news), progress_of(other)) == (503, 0)
