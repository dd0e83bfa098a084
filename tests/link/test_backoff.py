"""Waits between attempts."""

from random import Random

from link.backoff import Backoff


def test_the_waits_double_up_to_the_longest_with_jitter() -> None:
    backoff = Backoff(Random(1), first=1, longest=15)
    waits = [backoff.wait(0) for _ in range(7)]
    for wait, full in zip(waits, (1, 2, 4, 8, 15, 15, 15), strict=True):
        assert full / 2 <= wait <= full
    assert len(set(waits)) == 7


def test_only_a_connection_that_lasted_makes_the_next_wait_short() -> None:
    backoff = Backoff(Random(1), first=1, longest=15)
    for _ in range(5):
        backoff.wait(14.9)
    assert backoff.wait(14.9) > 5
    assert backoff.wait(15) <= 1
