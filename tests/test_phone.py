"""The phone, the sounds and the ear, without a switch: two phones that call each other directly."""

import asyncio
import random
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.hearing import follow, locate, whose_audio
from tests.pair import HERE, THERE
from tests.phone import CallFailed, Network, Phone
from tests.rtp import TICK, Ticker
from tests.sip import Message, authorization, media_of, sdp
from tests.sounds import PACKET, RATE, decode, noise, quiet, speech, tone
from tests.useragent import Address, UserAgent

# ---- Calls ----------------------------------------------------------------------------------------------------------


async def test_both_hear_the_other_from_the_first_sample(pair: tuple[Phone, Phone]) -> None:
    here, there = pair
    call = here.call("there")
    taken = await there.next_call()
    await call.answered
    await asyncio.gather(call.stream.listen(0.5), taken.stream.listen(0.5))
    await call.hangup()
    await taken.ended

    # The first packet may come before a busy machine has told this phone from where.
    assert -PACKET <= locate(THERE.samples, call.stream.heard()).offset <= 0
    assert list(whose_audio(taken.stream.heard(), {"here": HERE.samples, "there": THERE.samples})) == ["here"]


async def test_every_packet_is_on_record(pair: tuple[Phone, Phone]) -> None:
    here, _ = pair
    call = here.call("there")
    await call.answered
    await call.stream.listen(0.5)
    await call.hangup()

    sent = call.stream.sent
    assert sent.samples == [n * PACKET for n in range(len(sent))]
    assert sent.sample_at(sent.at[7]) == 7 * PACKET


async def test_lost_messages_are_sent_again(pair: tuple[Phone, Phone], monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = pair
    received = UserAgent.datagram_received
    seen: set[bytes] = set()

    def lossy(agent: UserAgent, data: bytes, addr: Address) -> None:
        """Each datagram arrives only when it is sent a second time."""
        if data in seen:
            received(agent, data, addr)
        seen.add(data)

    monkeypatch.setattr(UserAgent, "datagram_received", lossy)
    call = here.call("there")
    taken = await there.next_call()
    await call.answered
    monkeypatch.undo()
    await call.hangup()
    await taken.ended
    assert len([one for one in seen if one.startswith(b"INVITE")]) == 1


async def test_who_is_called_hangs_up(pair: tuple[Phone, Phone]) -> None:
    here, there = pair
    call = here.call("there")
    taken = await there.next_call()
    await call.answered
    await taken.hangup()
    assert await call.ended >= await call.answered


async def test_a_ringing_call_is_cancelled(pair: tuple[Phone, Phone]) -> None:
    here, there = pair
    there.rings = None
    call = here.call("there")
    ringing = await there.next_call()
    await call.hangup()
    await ringing.ended
    with pytest.raises(CallFailed, match="487"):
        await call.answered


async def test_a_ringing_call_is_refused(pair: tuple[Phone, Phone]) -> None:
    here, there = pair
    there.rings = None
    call = here.call("there")
    await (await there.next_call()).hangup()
    with pytest.raises(CallFailed, match="486"):
        await call.answered


async def test_no_common_codec_is_no_call(pair: tuple[Phone, Phone]) -> None:
    here, there = pair
    there.codecs = ("PCMA",)
    with pytest.raises(CallFailed, match="488"):
        await here.call("there").answered


# ---- The clock ------------------------------------------------------------------------------------------------------


class Clock:
    """Timers whose time a test turns."""

    def __init__(self) -> None:
        self.now = 100.0
        self.due: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[int], None], tick: int, /) -> None:
        self.due.append((when, lambda: callback(tick)))


class Listener:
    """Notes the ticks it gets."""

    def __init__(self) -> None:
        self.ticks: list[int] = []

    def send_until(self, tick: int) -> None:
        self.ticks.append(tick)


def test_ticks_do_not_drift_however_late_a_machine_is() -> None:
    clock, listener = Clock(), Listener()
    Ticker(clock).add(listener)
    for late in (0.0, 0.015, 0.001, 0.3, 0.0):
        when, call = clock.due.pop()
        clock.now = max(clock.now, when) + late
        call()
    (following,) = clock.due
    assert listener.ticks == [1, 2, 3, 4, 5]
    assert following[0] == pytest.approx(100 + 6 * TICK)


# ---- The network ----------------------------------------------------------------------------------------------------


async def test_loss_takes_its_share_and_the_counters_see_it(pair: tuple[Phone, Phone]) -> None:
    here, there = pair
    here.network = Network(loss=0.25, seed=5)
    call = here.call("there")
    taken = await there.next_call()
    await call.answered
    await taken.stream.listen(1)
    await call.hangup()
    await taken.ended

    counted = taken.stream.counters
    draw = random.Random(5)
    drawn = [draw.random() < 0.25 for _ in range(len(call.stream.sent))]
    assert counted.lost == pytest.approx(sum(drawn), abs=3)
    assert counted.received + counted.lost == counted.expected


async def test_jitter_delays_packets_and_keeps_their_order(pair: tuple[Phone, Phone]) -> None:
    here, there = pair
    here.network = Network(jitter=0.06, seed=5)
    call = here.call("there")
    taken = await there.next_call()
    await call.answered
    await taken.stream.listen(0.6)
    await call.hangup()

    numbers = [packet.sequence for packet in taken.stream.arrivals]
    assert numbers == [(numbers[0] + n) & 0xFFFF for n in range(len(numbers))]
    assert taken.stream.counters.jitter > 0.003
    assert locate(HERE.samples, taken.stream.heard()).confidence > 0.99


# ---- SIP ------------------------------------------------------------------------------------------------------------


def test_digest_is_that_of_the_standard() -> None:
    """The example of RFC 2617, 3.5, which RFC 7616 reckons alike."""
    challenge = (
        'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    answer = authorization(
        challenge,
        method="GET",
        uri="/dir/index.html",
        user="Mufasa",
        password="Circle Of Life",
        cnonce="0a4f113b",
    )
    assert 'response="6629fae49393a05397450978507c4ef1"' in answer


def test_short_and_folded_headers_are_read() -> None:
    text = b"OPTIONS sip:x SIP/2.0\r\nv: SIP/2.0/UDP a;branch=z9hG4bK1;rport\r\ni: id\r\nCSeq: 1\r\n OPTIONS\r\n\r\n"
    message = Message.parse(text)
    assert (message.method, message.branch, message.get("Call-ID")) == ("OPTIONS", "z9hG4bK1", "id")
    assert message.get("CSeq") == "1 OPTIONS"
    assert message.answer(200, "OK", source=("h", 5)).get("Via").endswith(";branch=z9hG4bK1;received=h;rport=5")


def test_a_description_comes_back_as_it_was() -> None:
    media = media_of(sdp(("127.0.0.3", 4000), ("G722", "PCMA"), session=1, direction="inactive"))
    assert (media.address, media.codecs, media.direction) == (("127.0.0.3", 4000), ("G722", "PCMA"), "inactive")


# ---- Sounds and the ear ---------------------------------------------------------------------------------------------


def test_companding_means_what_the_standard_says() -> None:
    assert decode(bytes([0x00, 0x80, 0xFF, 0x7F]), "PCMU").tolist() == [-32124, 32124, 0, 0]
    assert decode(bytes([0xD5, 0x55, 0xAA, 0x2A]), "PCMA").tolist() == [8, -8, 32256, -32256]


@pytest.mark.parametrize(("codec", "least"), [("PCMU", 0.999), ("PCMA", 0.999), ("G722", 0.9)])
def test_a_codec_keeps_a_sound_and_its_place(codec: str, least: float) -> None:
    found = locate(HERE.samples, decode(b"".join(HERE.packets(codec)), codec))
    assert found.confidence > least
    assert abs(found.offset) <= 20


def test_a_sound_goes_round_in_whole_packets(tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(HERE.samples[:1000].astype("<i2").tobytes())
    sound = speech(path)
    assert len(sound.samples) == 1120
    assert len(sound.packets("PCMU")) == 7
    assert sound.cycle(1110, 20).tolist() == [0] * 10 + HERE.samples[:10].tolist()


def test_speech_of_another_rate_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wideband.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
    with pytest.raises(ValueError, match=r"wideband\.wav is not 8000 Hz"):
        speech(path)


def test_silence_is_the_code_of_zero() -> None:
    assert quiet().packets("PCMU")[0] == b"\xff" * PACKET


def test_a_tone_goes_round_without_a_click() -> None:
    around = tone(440).cycle(RATE - 2, 4).astype(int)
    assert np.abs(np.diff(around)).max() < 3000


@pytest.mark.parametrize("offset", [0, 1, 4321, -777])
def test_a_place_is_found_to_the_sample(offset: int) -> None:
    recording = np.concatenate([np.zeros(offset, np.int16), HERE.samples]) if offset >= 0 else HERE.samples[-offset:]
    found = locate(HERE.samples[:16000], recording)
    assert (found.offset, round(found.confidence, 6)) == (offset, 1.0)


def test_both_voices_of_a_mix_are_found_and_a_stranger_is_not() -> None:
    mixed = (HERE.samples // 2 + THERE.samples // 4).astype(np.int16)
    voices = {"there": THERE.samples, "here": HERE.samples, "stranger": noise(13, seconds=5).samples}
    assert list(whose_audio(mixed, voices)) == ["here", "there"]


def test_silence_is_nobody() -> None:
    assert whose_audio(np.zeros(RATE, np.int16), {"here": HERE.samples}) == {}


def test_a_jump_shows_in_the_windows() -> None:
    late = np.concatenate([HERE.samples[: 2 * RATE], np.zeros(160, np.int16), HERE.samples[2 * RATE :]])
    assert [place.offset for place in follow(HERE.samples, late)][:4] == [0, 0, 160, 160]
