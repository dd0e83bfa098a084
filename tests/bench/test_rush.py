"""What the rush is judged by."""

from __future__ import annotations

import pytest

from bench.rush import longest_silence
from tests.rtp import Arrival


def packets(*times: float) -> list[Arrival]:
    return [Arrival(at, number, 160 * number, 1, b"", ("127.0.0.1", 4000)) for number, at in enumerate(times)]


def test_the_longest_time_between_two_packets_counts() -> None:
    assert longest_silence(packets(5.0, 5.02, 5.09, 5.1)) == pytest.approx(0.07)


@pytest.mark.parametrize("times", [(), (5.0,)], ids=["none", "one"])
def test_fewer_than_two_packets_have_no_silence_between_them(times: tuple[float, ...]) -> None:
    assert longest_silence(packets(*times)) == 0.0
