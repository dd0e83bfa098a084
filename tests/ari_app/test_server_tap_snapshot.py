"""What a snapshot and the events make of the channels and bridges by which audio goes to a recording server."""

from __future__ import annotations

import pytest

from ari_app.generated import events as ari
from ari_app.generated.models import Bridge as AriBridge
from ari_app.generated.models import CallerID, Channel, DialplanCEP
from ari_app.generated.operations import Operations
from ari_app.names import Part, Piece
from ari_app.snapshot import Found, take
from ari_app.translate import translate
from recorder.model import Direction, LegKind, Sink, Source
from tests.ari_app.asterisk_of import Answers

SEGMENT = "62845b84-d9ed-5784-808f-185821b7f8c1.0"
IN, OUT = Direction.IN, Direction.OUT
LEG = "1795264791.0"


def channel(identity: str, name: str, created: float = 1.0) -> Channel:
    nobody = CallerID(name="", number="")
    return Channel(id=identity, protocol_id="", name=name, state="Up", caller=nobody, connected=nobody, accountcode="",
                   dialplan=DialplanCEP(context="c", exten="s", priority=1, app_name="Stasis", app_data="recorder"),
                   creationtime=created, language="en")


def parts(direction: Direction) -> tuple[Channel, Channel, AriBridge]:
    snoop, sender, bridge = (str(Part(SEGMENT, direction, piece)) for piece in Piece)
    return (channel(snoop, f"Snoop/{LEG}-00000001", 3.0), channel(sender, "UnicastRTP/127.0.0.1:20000-0x7f01"),
            AriBridge(id=bridge, technology="simple_bridge", bridge_type="mixing", bridge_class="stasis",
                      creator="Stasis", name="", channels=(snoop, sender), creationtime=2.0))


async def found(channels: tuple[Channel, ...], bridges: tuple[AriBridge, ...]) -> Found:
    alice = channel(LEG, "PJSIP/alice-00000001")
    talk = AriBridge(id="talk", technology="simple_bridge", bridge_type="mixing", bridge_class="basic", creator="",
                     name="", channels=(LEG,), creationtime=1.0)
    return await take(Operations(Answers({"/channels": (alice, *channels), "/bridges": (talk, *bridges)})), 9.0)


async def test_a_tap_that_sends_both_directions_is_found_with_its_leg_and_where_it_goes() -> None:
    snoop, sender, bridge = parts(IN)
    other, sends, room = parts(OUT)
    there = await found((snoop, sender, other, sends), (bridge, room))
    (tap,) = there.snapshot.taps
    assert (tap.segment, tap.source, tap.started, tap.files) == (
        SEGMENT, Source(leg=LEG, directions=(IN, OUT), sink=Sink.SERVER), 3.0, ())
    assert (there.orphans, there.parts) == ((), ())


async def test_a_tap_that_sends_a_mix_is_found_and_is_whole_with_one_snoop() -> None:
    snoop, sender, bridge = parts(Direction.MIX)
    there = await found((snoop, sender), (bridge,))
    (tap,) = there.snapshot.taps
    assert tap.source == Source(leg=LEG, directions=(Direction.MIX,), sink=Sink.SERVER)
    assert there.parts == ()


@pytest.mark.parametrize("lacks", range(3))
async def test_a_mix_that_lacks_something_is_no_tap(lacks: int) -> None:
    pieces: list[Channel | AriBridge] = [*parts(Direction.MIX)]
    del pieces[lacks]
    there = await found(tuple(one for one in pieces if isinstance(one, Channel)),
                        tuple(one for one in pieces if isinstance(one, AriBridge)))
    assert (there.snapshot.taps, len(there.parts)) == ((), 2)


async def test_none_of_it_is_anybodys_leg_or_a_bridge_of_a_call() -> None:
    snoop, sender, bridge = parts(IN)
    there = await found((snoop, sender), (bridge,))
    assert [(leg.id, leg.kind) for leg in there.snapshot.legs] == [(LEG, LegKind.PARTY)]
    assert [bridge.id for bridge in there.snapshot.bridges] == ["talk"]


@pytest.mark.parametrize("lacks", range(6))
async def test_a_tap_that_lacks_something_is_none_and_what_is_left_of_it_has_to_go(lacks: int) -> None:
    pieces: list[Channel | AriBridge] = [*parts(IN), *parts(OUT)]
    del pieces[lacks]
    there = await found(tuple(one for one in pieces if isinstance(one, Channel)),
                        tuple(one for one in pieces if isinstance(one, AriBridge)))
    assert there.snapshot.taps == ()
    assert len(there.parts) == 5


async def test_a_channel_that_is_not_in_its_bridge_makes_no_tap() -> None:
    snoop, sender, bridge = parts(IN)
    other, sends, room = parts(OUT)
    empty = AriBridge(id=room.id, technology="simple_bridge", bridge_type="mixing", bridge_class="stasis",
                      creator="Stasis", name="", channels=(sends.id,), creationtime=2.0)
    there = await found((snoop, sender, other, sends), (bridge, empty))
    assert there.snapshot.taps == ()


def test_who_enters_and_leaves_our_bridge_is_nobodys_news() -> None:
    snoop, _, bridge = parts(IN)
    for event in (ari.ChannelEnteredBridge(application="recorder", timestamp=1.0, bridge=bridge, channel=snoop),
                  ari.ChannelLeftBridge(application="recorder", timestamp=1.0, bridge=bridge, channel=snoop),
                  ari.BridgeDestroyed(application="recorder", timestamp=1.0, bridge=bridge)):
        assert translate(event, "main", 1) == []
