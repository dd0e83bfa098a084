"""The watchdog tells of taps whose files do not grow, and of no others."""

from pathlib import Path

import pytest

from recorder.events import CallEvent, Observed
from recorder.world import Limits
from service.watchdog import Watchdog
from tests.service.fakes import SWITCH, FakeClock

BLOCK = 32_768


class Looks:
    """A watchdog that looks at sizes which the test gives, once a second."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.told: list[CallEvent] = []
        self.watchdog = Watchdog(SWITCH, Path("/spool"), calls=lambda: (), tell=self.told.append, clock=self.clock,
                                 limits=Limits())

    def look(self, **sizes: tuple[int, ...]) -> None:
        self.clock.advance(1.0)
        self.watchdog.seen(sizes, {segment: 7.0 if segment == "mix" else 2.5 for segment in sizes})

    @property
    def stalled(self) -> list[tuple[str, float]]:
        return [(event.segment, event.still) for event in self.told if isinstance(event, Observed)]


def test_a_file_that_grows_in_blocks_of_two_seconds_is_well() -> None:
    looks = Looks()
    for second in range(60):
        looks.look(one=(44 + second // 2 * BLOCK, 44 + (second + 1) // 2 * BLOCK))
    assert looks.told == []


def test_a_mix_that_grows_in_blocks_of_four_seconds_is_well_and_one_that_stopped_is_told_of() -> None:
    looks = Looks()
    for second in range(60):
        looks.look(mix=(44 + second // 4 * 2 * BLOCK,))
    assert looks.told == []
    for _ in range(4):
        looks.look(mix=(44 + 59 // 4 * 2 * BLOCK,))
    assert looks.stalled == [("mix", 7.0)]


def test_a_file_that_stopped_is_told_of() -> None:
    looks = Looks()
    for size in (44, BLOCK, BLOCK, BLOCK, BLOCK):
        looks.look(one=(size, size))
    assert looks.stalled == [("one", 3.0)]


def test_one_direction_that_stopped_is_enough() -> None:
    looks = Looks()
    for second in range(6):
        looks.look(one=(second * BLOCK, 44))
    assert [segment for segment, _ in looks.stalled] == ["one"] * 3


@pytest.mark.parametrize("others", [{}, {"two": (BLOCK,)}])
def test_a_tap_that_is_gone_is_forgotten(others: dict[str, tuple[int, ...]]) -> None:
    looks = Looks()
    for _ in range(2):
        looks.look(one=(44,))
    looks.look(**others)
    looks.look(one=(44,))
    assert looks.told == []
