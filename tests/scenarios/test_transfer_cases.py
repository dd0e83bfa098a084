"""Transfers out of the ordinary: nobody takes the parked call, the codec changes with the party, ten at once."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.freeswitch import FreeSwitchServer
from tests.hearing import whose_audio
from tests.phone import Call, Phones
from tests.phonograph import Phonograph
from tests.recorded import best_of_three
from tests.scenarios.conftest import Exchange
from tests.servers import MUSIC
from tests.sounds import RATE, noise
from tests.whereabouts import SEAM, SOUNDS, Whereabouts, connected, heard, row_of

pytestmark = pytest.mark.timeout(180)

PARKED_FOR = 2
"""Seconds."""

AT_ONCE = 10


@pytest.fixture
def short_parking(exchange: Exchange) -> Iterator[None]:
    """A parked call comes back after `PARKED_FOR` seconds."""
    if isinstance(exchange, FreeSwitchServer):
        file, minute, again = exchange.conf / "dialplan" / "from-users.xml", "valet_parking_timeout={}", "reloadxml"
    else:
        file, minute, again = (exchange.folder / "conf" / "res_parking.conf", "parkingtime => {}",
                               "module reload res_parking.so")
    before = file.read_text()
    file.write_text(before.replace(minute.format(60), minute.format(PARKED_FOR)))
    exchange.cli(again)
    yield
    file.write_text(before)
    exchange.cli(again)


@pytest.mark.usefixtures("short_parking")
@pytest.mark.parametrize("way", ["refer", "keys"])
async def test_a_parked_call_that_nobody_takes_comes_back_and_is_one_recording(
        service: Phonograph, phones: Phones, way: str) -> None:
    trunk, bob = await phones.trunk(SOUNDS["trunk"]), await phones.user("bob", SOUNDS["bob"])

    async def came_back(calls: int) -> None:
        call, taken = await connected(trunk, bob, "5102")
        await heard(call, taken, seconds=1)
        if way == "refer":
            assert await taken.refer("700") < 300
        else:
            await taken.dial("*3")
        again = await bob.next_call(within=PARKED_FOR + 20)
        await heard(call, again, seconds=2)
        await call.hangup()
        found = Whereabouts.of(service, await row_of(service, call, rows=calls))
        assert found.speakers("caller", call, taken, again) == ["trunk"]
        assert found.speakers("callee", call, taken, again) == ["bob", "bob"]
        assert found.lost("callee", again, heard_by=call) <= SEAM
        assert found.lost("caller", call, heard_by=again) <= SEAM
        assert "music" in whose_audio(found.tracks["callee"], {"music": MUSIC.samples})

    await best_of_three(came_back)


@pytest.mark.parametrize("way", ["blind", "attended"])
@pytest.mark.parametrize("codecs", [("G722", "G722", "PCMU"), ("G722", "PCMU", "G722"), ("PCMU", "G722", "PCMA")],
                         ids="-".join)
async def test_the_next_party_speaks_another_codec(
        service: Phonograph, phones: Phones, way: str, codecs: tuple[str, str, str]) -> None:
    """The rate of a tap is fixed when it is made. Each phone's packets have higher numbers than those of whom it
    follows: where Asterisk has to translate, nobody hears a next party whose numbers are lower, tapped or not."""
    trunk, bob, carol = (await phones.trunk(SOUNDS["trunk"]), await phones.user("bob", SOUNDS["bob"]),
                         await phones.user("carol", SOUNDS["carol"]))
    for phone, codec, first in zip((trunk, bob, carol), codecs, (30_000, 20_000, 40_000), strict=True):
        phone.codecs, phone.first_packet = (codec,), first

    async def handed_on(calls: int) -> None:
        call, taken = await connected(trunk, bob, "102")
        await heard(call, taken, seconds=1)
        if way == "blind":
            assert await taken.refer("103") < 300
            then = await carol.next_call()
        else:
            await taken.hold()
            asked, then = await connected(bob, carol, "103")
            assert await taken.refer("103", replaces=asked) < 300
        await heard(call, then, seconds=2)
        await call.hangup()
        row = await row_of(service, call, rows=calls if way == "blind" else 2 * calls)
        found = Whereabouts.of(service, row)
        assert found.speakers("caller", call, taken, then) == ["trunk"]
        assert found.speakers("callee", call, taken, then) == ["bob", "carol"]
        assert max(found.lost("callee", one, heard_by=call) for one in (taken, then)) <= SEAM
        assert found.lost("caller", call, heard_by=then) <= SEAM

    await best_of_three(handed_on)


async def test_ten_transfers_at_once_and_nobody_is_in_anothers_recording(
        service: Phonograph, phones: Phones) -> None:
    trunk, bob = await phones.trunk(), await phones.user("bob")
    others = [await phones.user(name, noise(60 + number))
              for number, name in enumerate(("alice", "carol", "dave", "erin", "frank"))]
    numbers = ("101", "103", "104", "105", "106")
    talks: list[tuple[Call, Call]] = []
    for number in range(AT_ONCE):
        trunk.sound, bob.sound = noise(70 + number), noise(90 + number)
        talks.append(await connected(trunk, bob, "102"))
    statuses = await asyncio.gather(*(taken.refer(numbers[number % len(numbers)])
                                      for number, (_, taken) in enumerate(talks)))
    assert max(statuses) < 300
    taken_over = [[await other.next_call() for _ in range(AT_ONCE // len(others))] for other in others]
    await heard(*(call for call, _ in talks), *(then for thens in taken_over for then in thens), seconds=3)
    for call, _ in talks:
        await call.hangup()
    rows = {row["sip_call_id"]: row for row in await service.closed(AT_ONCE, within=60)}
    assert len(rows) == AT_ONCE
    everybody = [one for talk in talks for one in talk]
    for number, (call, taken) in enumerate(talks):
        found = Whereabouts.of(service, rows[call.id])
        then = _partner(call, talks, taken_over[number % len(others)])
        strangers = [one for one in everybody if one not in (call, taken)]
        assert found.speakers("caller", call) == ["trunk"]
        assert found.speakers("callee", taken, then) == ["bob", then.phone.name]
        assert [len(found.stretches(track, one)) for track in found.tracks for one in strangers[:4]] == [0] * 8
        assert sum(one.end - one.begin for one in found.stretches("callee", then)) > 2


def _partner(call: Call, talks: list[tuple[Call, Call]], thens: list[Call]) -> Call:
    """Who of some phones' calls heard this caller in the end."""
    voices = {other.id: other.stream.sound.samples for other, _ in talks if other.stream.sound is not None}
    return next(then for then in thens if next(iter(whose_audio(then.stream.heard()[-RATE:], voices))) == call.id)
