"""What somebody hears, as the bench judges it."""

from __future__ import annotations

import pytest

from bench.probes import Heard, heard_in, longest_silence
from tests.rtp import Arrival


def packets(*times: float) -> list[Arrival]:
    return [Arrival(at, number, 160 * number, 1, b"", ("127.0.0.1", 4000)) for number, at in enumerate(times)]


def test_the_longest_time_between_two_packets_counts() -> None:
    assert longest_silence(packets(5.0, 5.02, 5.09, 5.1)) == pytest.approx(0.07)


@pytest.mark.parametrize("times", [(), (5.0,)], ids=["none", "one"])
def test_fewer_than_two_packets_have_no_silence_between_them(times: tuple[float, ...]) -> None:
    assert longest_silence(packets(*times)) == 0.0


def test_what_was_heard_is_counted_and_its_spacing_compared_with_the_sender_s() -> None:
    heard = heard_in(packets(5.0, 5.02, 5.05, 5.06), expected=5, sent=[1.0, 1.02, 1.07, 1.06])
    assert (heard.received, heard.expected) == (4, 5)
    assert heard.jitter == pytest.approx((0 + 0.01 + 0.01) / 3)
    assert heard.silence == pytest.approx(0.03)
    assert heard.late == pytest.approx(1 / 4)


def test_a_timestamp_that_goes_around_is_no_jitter() -> None:
    first, second = packets(5.0, 5.02)
    heard = heard_in([first._replace(timestamp=(1 << 32) - 160), second._replace(timestamp=0)], 2, [1.0])
    assert heard.jitter == pytest.approx(0.0, abs=1e-9)


def test_an_end_that_heard_nothing_has_figures_too() -> None:
    assert heard_in([], expected=0, sent=[]) == Heard(0, 0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("leap", [1 << 30, -(1 << 30)])
def test_a_sender_that_begins_to_count_anew_has_no_jitter_for_it(leap: int) -> None:
    first, second, third = packets(5.0, 5.02, 5.05)
    begun = (second.timestamp + leap) % (1 << 32)
    heard = heard_in([first, second._replace(timestamp=begun), third._replace(timestamp=begun + 160)], 3, [1.0])
    assert heard.jitter == pytest.approx(0.01)
