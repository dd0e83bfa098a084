"""Reports: when they are due, what they say, and what is made of the server's."""

from __future__ import annotations

import random
import struct

from media import rtcp
from siprec_app.rtcp import Moment, Reporter, interval

AT = Moment(100.0, 1_800_000_000.25)
LATER = Moment(100.5, 1_700_000_000.0)
"""Half a second later; the clock of the day was set meanwhile."""


def middle(wall: float) -> int:
    """What a receiver gives back of a report's time (RFC 3550 section 6.4.1)."""
    return rtcp.ntp(wall) >> 16 & 0xFFFFFFFF


def block(source: int = 7, **values: int) -> bytes:
    """A receiver's report with one block."""
    fields = {"fraction": 0, "lost": 0, "highest": 0, "jitter": 0, "last_report": 0, "delay": 0} | values
    return rtcp.receiver_report(99, [rtcp.Block(source, **fields)])


def sent(reporter: Reporter, packets: int, at: Moment = AT) -> bytes:
    return reporter.compound(at, timestamp=4711, packets=packets, octets=packets * 160)


def test_a_sender_says_what_it_sent_and_when_with_its_name() -> None:
    data = sent(Reporter(7, "name"), 3)
    assert struct.unpack_from("!BBHIQIII", data) == (0x80, 200, 6, 7, rtcp.ntp(AT.wall), 4711, 3, 480)
    assert data[28:] == rtcp.description(7, "name")


def test_who_has_sent_nothing_since_two_reports_is_no_sender() -> None:
    reporter = Reporter(7, "name")
    kinds = [sent(reporter, packets)[1] for packets in (0, 3, 3, 3, 4)]
    assert kinds == [201, 200, 200, 201, 200]


def test_the_end_is_a_compound_packet_too() -> None:
    data = Reporter(7, "name").farewell()
    assert data[1] == 201
    assert rtcp.description(7, "name") in data
    assert data.endswith(rtcp.bye(7))


def test_what_the_server_says_is_told_in_seconds_and_shares() -> None:
    reporter = Reporter(7, "name")
    assert reporter.heard(block(fraction=64, lost=5, highest=0x00020003, jitter=80), AT)
    report = reporter.report
    assert report is not None
    assert (report.at, report.fraction_lost, report.lost, report.highest, report.jitter, report.round_trip) == (
        AT, 0.25, 5, 0x00020003, 0.01, None)


def test_a_round_trip_is_measured_by_the_clock_that_nobody_sets() -> None:
    reporter = Reporter(7, "name")
    sent(reporter, 1)
    reporter.heard(block(last_report=middle(AT.wall), delay=0x4000), LATER)
    assert reporter.report is not None
    assert reporter.report.round_trip == 0.25


def test_a_report_that_answers_none_of_ours_has_no_round_trip() -> None:
    reporter = Reporter(7, "name")
    sent(reporter, 1)
    reporter.heard(block(last_report=middle(AT.wall) + 1), LATER)
    assert reporter.report is not None
    assert reporter.report.round_trip is None


def test_a_report_about_others_is_not_heard_and_an_empty_one_is() -> None:
    reporter = Reporter(7, "name")
    assert not reporter.heard(block(source=8), AT)
    assert not reporter.heard(b"\x80\xc9", AT)
    assert reporter.heard(rtcp.receiver_report(99), AT)
    assert reporter.report is None


def test_reports_are_due_after_five_seconds_on_average_and_never_in_step() -> None:
    draw = random.Random(1)
    waits = [interval(draw, first=False) for _ in range(2000)]
    assert min(waits) > 2.0
    assert max(waits) < 6.2
    # The compensation of RFC 3550 section 6.3.1 makes up for reconsideration, which one sender does not need.
    assert abs(sum(waits) / len(waits) - 5 / 1.21828) < 0.1
    assert max(interval(draw, first=True) for _ in range(2000)) < 3.1
