"""The bench of recording servers: what it reads of the calls that a server took, and what it holds against what."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import siprec
from bench.figures import Row
from bench.journeys import Journey
from bench.rounds import Bench, Plan, Round
from bench.siprec import SET_UPS, Found, Taken, Way
from bench.switches import Mode
from ledger import Ledger
from ledger.tables import calls, recordings
from tests.asterisk import AsteriskServer
from tests.recording_server import RecordingServer
from tests.recording_session import RecordingSession, Track

AUDIO = b"\x80" + bytes(171)


def captured(at: float, port: int, payload: bytes = AUDIO) -> bytes:
    """A datagram to a port, as it stands in a capture: with its headers of IP and UDP."""
    packet = bytes(22) + struct.pack("!H", port) + bytes(4) + payload
    return struct.pack("<4I", int(at), round(at % 1 * 1e6), len(packet), len(packet)) + packet


def session(name: str, *, asked: float, up: float | None) -> dict[str, object]:
    return {"id": name, "server": "main", "state": "over", "asked": asked, "up": up, "ended": None, "cause": ""}


def add(ledger: Ledger, name: str, *sessions: dict[str, object], answered: float) -> None:
    """A finished recording with its sessions."""
    with ledger.transaction() as connection:
        connection.execute(calls.insert().values(
            id=f"call-{name}", switch="main", boot="1", kind="call", state="closed", created=answered - 1,
            answered=answered, ended=answered + 3, reason="", body={}))
        connection.execute(recordings.insert().values(
            id=name, call=f"call-{name}", number=0, state="ready", created=answered, reason="",
            sessions=list(sessions)))


@pytest.fixture
def server(tmp_path: Path) -> RecordingServer:
    """One that has ended; three sessions of its own, the first and the last at the same ports."""
    found = RecordingServer(tmp_path)
    for name, ports in (("first", (4000, 4002)), ("second", (4004, 4006)), ("third", (4000, 4002))):
        one = found.sessions[name] = RecordingSession(found, name)
        one.tracks = {str(label): Track(str(label), port, "recvonly", found.capture)
                      for label, port in enumerate(ports, 1)}
    found.capture.write_bytes(bytes(24) + b"".join([
        captured(10.2, 4002), captured(10.25, 4000),
        captured(20.15, 4004, b""), captured(20.3, 4004), captured(20.4, 4006),
        captured(30.5, 4000), captured(30.6, 4002)]))
    return found


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Path]:
    """The ledger of three calls, each of which a server took; another did not take the second one."""
    path = tmp_path / "ledger.sqlite"
    made = Ledger.open(path)
    add(made, "a", session("first", asked=10.05, up=10.1), answered=10.0)
    add(made, "b", session("other", asked=20.0, up=None), session("second", asked=20.1, up=20.2), answered=20.0)
    add(made, "c", session("third", asked=30.1, up=30.15), answered=30.0)
    yield path
    made.close()


def test_a_call_is_taken_with_the_200_and_heard_with_the_first_packet_under_either_label(
        ledger: Path, server: RecordingServer) -> None:
    found = siprec.taken(ledger, server, skip=0)
    assert [one.accepted for one in found] == pytest.approx([0.1, 0.2, 0.15])
    assert [one.heard for one in found] == pytest.approx([0.2, 0.3, 0.5])


def test_calls_of_an_earlier_round_are_skipped(ledger: Path, server: RecordingServer) -> None:
    assert len(siprec.taken(ledger, server, skip=2)) == 1


def test_a_call_of_which_no_packet_came_is_not_taken(ledger: Path, server: RecordingServer) -> None:
    server.capture.write_bytes(bytes(24) + captured(10.2, 4002))
    assert len(siprec.taken(ledger, server, skip=0)) == 1


def one(plan: Plan, *, switch: float = 1.0, ours: float = 0.0) -> Round:
    journeys = [Journey("", "ready", answered=10.0, ended=13.0, started=10.02, final=13.1)] * plan.calls
    return Round(Mode.OURS, plan, switch=switch, ours=ours, others=0.0, wall=20.0, talks=[], journeys=journeys,
                 late=0.0)


def found(*, taken: int = 50) -> Found:
    plan = Plan(calls=10, rate=5, seconds=10)
    same = {Way.UNRECORDED: [one(plan), one(plan)], Way.FILES: [one(plan, switch=2.0, ours=0.5) for _ in range(2)],
            Way.SERVER: [one(plan, switch=2.2, ours=1.0) for _ in range(2)]}
    return Found(same, [one(SET_UPS)], [[Taken(accepted=0.03, heard=0.05)] * taken], placed=50)


def row(rows: list[Row], what: str, against: str = "") -> Row:
    (only,) = [each for each in rows if each.what.startswith(what) and each.against.startswith(against)]
    return only


@pytest.mark.parametrize(("what", "against", "ratio"), [
    ("CPU of a call's second, into files", "unrecorded", 2.5),
    ("CPU of a call's second, to a server", "unrecorded", 3.2),
    ("CPU of a call's second, to a server", "into files", 1.28),
    ("- of the switch alone", "into files", 1.1),
    ("our CPU a call", "into files", 2.0),
])
def test_a_call_to_a_server_is_held_against_the_same_into_files_and_unrecorded(
        what: str, against: str, ratio: float) -> None:
    compared = row(siprec.rows(found()), what, against).ratio
    assert compared is not None
    assert compared.value == pytest.approx(ratio)


def test_the_times_are_held_against_those_of_files() -> None:
    rows = siprec.rows(found())
    accepted = row(rows, "answer to the server's 200, 5 calls/s, p99")
    heard = row(rows, "answer to the first packet at the server, 5 calls/s, median")
    assert (accepted.value, accepted.against) == ("30 ms", "recording into files: 20 ms")
    assert heard.value == "50 ms"


@pytest.mark.parametrize(("taken", "kept"), [(50, True), (49, False)])
def test_a_call_that_the_server_did_not_take_shows(taken: int, kept: bool) -> None:
    assert row(siprec.rows(found(taken=taken)), "calls that the server took").kept is kept


def test_recordings_that_are_not_ready_show_under_their_own_way() -> None:
    one_short = found()
    del one_short.same[Way.SERVER][0].journeys[0]
    rows = siprec.rows(one_short)
    assert [(one.value, one.kept) for one in rows if one.what.startswith("recordings ready")] == [
        ("20 of 20", True), ("19 of 20", False)]


@pytest.mark.asterisk
async def test_each_round_goes_where_it_was_told_to(tmp_path: Path) -> None:
    plan = Plan(calls=2, rate=2, seconds=1)
    exchange = AsteriskServer(tmp_path / "asterisk")
    await asyncio.to_thread(exchange.start)
    try:
        async with RecordingServer(tmp_path / "server") as server:
            bench = Bench(exchange, tmp_path, siprec={"servers": {"main": {"uri": server.uri}}})
            try:
                for way, sessions in ((Way.FILES, 0), (Way.SERVER, 2), (Way.FILES, 2)):
                    await bench.target(way)
                    await bench.round(Mode.OURS, plan)
                    assert len(server.sessions) == sessions
            finally:
                await bench.stop()
    finally:
        await asyncio.to_thread(exchange.stop)
