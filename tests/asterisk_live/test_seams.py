"""Two taps on one leg, the second made while the first still runs: the real files, joined where they hold the same."""

from __future__ import annotations

import asyncio
import io
import uuid
from contextlib import ExitStack

import numpy as np
import pytest

from media.compose import compose
from media.seam import search
from media.timeline import SegmentFacts, Timeline, TrackFile, overlaps, plan
from media.wav import HEADER_BYTES, LITTLE_INT16, read_info
from recorder.effects import Attach, Detach
from recorder.events import TapDown, TapUp
from recorder.ids import segment_id
from recorder.model import Direction, Source
from tests.asterisk import AsteriskServer
from tests.asterisk_live.driven import following
from tests.hearing import locate
from tests.phone import Network, Phones
from tests.recorded import ALICE, BOB
from tests.sounds import RATE, Samples, Sound, decode

pytestmark = pytest.mark.asterisk

TRACKS = {Direction.IN: "caller", Direction.OUT: "callee"}


async def renewed(server: AsteriskServer, phones: Phones, *, codec: str = "PCMU", network: Network | None = None) -> (
        list[SegmentFacts]):
    """A call whose tap is renewed: the second one is made after 2 s and the first one taken away 1 s later."""
    alice, bob = await phones.user("alice", ALICE), await phones.user("bob", BOB)
    for phone in (alice, bob):
        phone.codecs, phone.network = (codec,), network or Network()
    async with following(server) as (switch, told):
        call = alice.call("102")
        taken = await bob.next_call()
        await call.answered
        source = Source(leg=await told.leg("alice"), directions=tuple(TRACKS))
        first, second = (segment_id(str(uuid.uuid4()), number) for number in (0, 1))
        await switch.attach(Attach(call="call", segment=first, source=source))
        await told.tap_up(first)
        await asyncio.sleep(2)
        await switch.attach(Attach(call="call", segment=second, source=source))
        await told.tap_up(second)
        await asyncio.sleep(1)
        await switch.detach(Detach(call="call", segment=first, source=source))
        await told.tap_down(first)
        await asyncio.sleep(1.5)
        await call.hangup()
        await taken.ended
        return [facts(server, await told.tap_up(one), await told.tap_down(one)) for one in (first, second)]


def facts(server: AsteriskServer, up: TapUp, down: TapDown) -> SegmentFacts:
    """A segment by what the switch told of it and what its files hold."""
    files = []
    for file in up.files:
        with (server.recordings / file.path).open("rb") as opened:
            info = read_info(opened)
        files.append(TrackFile(TRACKS[file.direction], file.path, info.samples, info.rate))
    return SegmentFacts(up.segment, up.started, down.ended, tuple(files))


def joined(server: AsteriskServer, segments: list[SegmentFacts], track: str) -> tuple[Samples, int, Timeline]:
    """The whole of a track, where the second tap takes over in it, and the plan."""
    with ExitStack() as stack:
        files = {file.file: stack.enter_context((server.recordings / file.file).open("rb"))
                 for segment in segments for file in segment.files}
        found = {(one.track, one.segment): search(files[one.earlier.file], files[one.later.file],
                                                  expected=one.expected) for one in overlaps(segments)}
        seams = {key: seam for key, seam in found.items() if seam is not None}
        assert sorted(seams) == [("callee", segments[1].id), ("caller", segments[1].id)]
        ended = segments[1].ended
        assert ended is not None
        timeline = plan(start=segments[0].started, stop=ended, tracks=["caller", "callee"], segments=segments,
                        seams=seams)
        out = io.BytesIO()
        compose(timeline, files, parties={track: out})
    (_, second) = timeline.tracks[track]
    return np.frombuffer(out.getvalue()[HEADER_BYTES:], LITTLE_INT16), second.destination, timeline


def as_sent(sound: Sound) -> Samples:
    """What a phone's noise is once it has been through G.711, twice in a row."""
    return np.tile(decode(b"".join(sound.packets("PCMU")), "PCMU"), 2)


async def test_the_noise_goes_on_sample_by_sample_where_the_second_tap_takes_over(
        asterisk: AsteriskServer, phones: Phones) -> None:
    segments = await renewed(asterisk, phones)
    for track, sound in (("caller", ALICE), ("callee", BOB)):
        audio, join, timeline = joined(asterisk, segments, track)
        around = audio[join - RATE // 4:join + RATE // 4]
        reference = as_sent(sound)
        place = locate(around, reference).offset
        # A late packet leaves 20 ms of silence in the track, on a busy machine: what is there is as it was sent.
        heard = around != 0
        assert np.count_nonzero(heard) > 0.7 * len(around)
        assert np.array_equal(around[heard], reference[place:place + len(around)][heard])
        assert [gap for gap in timeline.gaps if gap.track == track and gap.cause == "not-tapped"] == []


@pytest.mark.parametrize(("codec", "network"), [("G722", Network()), ("PCMU", Network(jitter=0.06, loss=0.05))])
async def test_a_seam_is_found_whatever_the_codec_and_the_network(
        asterisk: AsteriskServer, phones: Phones, codec: str, network: Network) -> None:
    segments = await renewed(asterisk, phones, codec=codec, network=network)
    for track in ("caller", "callee"):
        audio, _, timeline = joined(asterisk, segments, track)
        first, second = timeline.tracks[track]
        files = [(asterisk.recordings / one.file).read_bytes()[HEADER_BYTES:] for one in (first, second)]
        before, after = (np.frombuffer(data, LITTLE_INT16) for data in files)
        packet = RATE // 100
        # Both files hold the same on either side of the join: it cannot be heard which of them is playing.
        assert np.array_equal(before[first.count - packet:first.count + packet],
                              after[second.source - packet:second.source + packet])
        assert len(audio) > 4 * RATE
