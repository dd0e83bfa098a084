"""Whatever a source does with its numbers and its clock, what comes out is one line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from media.continuity import RATE, Continuity, Place

SAMPLES = 160
TICK = 0.02


class Source:
    """A source of packets of 20 ms, each read at the moment when it is due."""

    def __init__(self, line: Continuity, *, ssrc: int = 1, sequence: int = 100, timestamp: int = 1000) -> None:
        self.line, self.ssrc, self.sequence, self.timestamp = line, ssrc, sequence, timestamp

    def send(self, number: int, *, at: float | None = None, waiting: bool = False) -> Place | None:
        """Its packet of this number, on time if nothing else is said."""
        return self.line.take(self.ssrc, (self.sequence + number) & 0xFFFF,
                              (self.timestamp + number * SAMPLES) & 0xFFFFFFFF, SAMPLES,
                              number * TICK if at is None else at, waiting=waiting)


def place(number: int) -> Place:
    """Where packet ``number`` of an undisturbed source belongs."""
    return Place(number, number * SAMPLES)


def test_numbers_and_timestamps_that_go_around_go_on() -> None:
    source = Source(Continuity(), sequence=0xFFFE, timestamp=0xFFFFFFFF - 200)
    assert [source.send(number) for number in range(5)] == [place(number) for number in range(5)]


def test_a_source_that_sends_what_it_owes_has_its_places_by_its_numbers() -> None:
    line = Continuity(owed=True)
    # Held up for 0.3 s, then all at once, with timestamps that have leapt ahead and stay there.
    late = [(number, number * SAMPLES + (2400 if number > 4 else 0), 0.4 if number > 4 else number * TICK)
            for number in range(20)]
    assert [line.take(1, number, stamp, SAMPLES, at) for number, stamp, at in late] == [
        place(number) for number in range(20)]


def test_an_overtaken_packet_of_such_a_source_has_the_place_of_its_number() -> None:
    line = Continuity(owed=True)
    for number in (0, 1, 3):
        line.take(1, number, number * SAMPLES + (2400 if number == 3 else 0), SAMPLES, number * TICK)
    assert line.take(1, 2, 2 * SAMPLES, SAMPLES, 3 * TICK) == place(2)


def test_a_lost_packet_leaves_its_number_and_its_time_free() -> None:
    source = Source(Continuity())
    assert [source.send(number) for number in (0, 1, 4)] == [place(0), place(1), place(4)]
    assert (source.line.received, source.line.lost) == (3, 2)


def test_an_overtaken_packet_gets_the_place_that_it_left_free() -> None:
    source = Source(Continuity())
    assert [source.send(number, at=number * TICK) for number in (0, 2, 1, 3)] == [
        place(0), place(2), place(1), place(3)]
    assert (source.line.lost, source.line.late, source.line.received) == (0, 1, 4)


def test_a_packet_that_comes_again_has_no_place() -> None:
    source = Source(Continuity())
    places = [source.send(number) for number in (0, 1, 1, 2, 0, 1)]
    assert places == [place(0), place(1), None, place(2), None, None]
    assert source.line.received == 3
    assert source.line.duplicates + source.line.stale == 3


def test_what_came_before_the_first_packet_was_known_has_no_place() -> None:
    source = Source(Continuity())
    source.send(5)
    assert source.send(4) is None
    assert source.line.stale == 1


def test_another_ssrc_goes_on_where_the_first_one_was() -> None:
    line = Continuity()
    Source(line).send(0)
    other = Source(line, ssrc=2, sequence=40_000, timestamp=7)
    assert other.send(1) == place(1)
    assert other.send(2) == place(2)
    assert line.restarts == 1


def test_a_source_that_comes_back_after_a_while_has_lost_no_time() -> None:
    line = Continuity()
    Source(line).send(0)
    assert Source(line, ssrc=2, sequence=9, timestamp=9).send(500) == Place(1, 500 * SAMPLES)


def test_the_ssrc_that_was_left_does_not_come_back_at_once() -> None:
    line = Continuity()
    first, second = Source(line), Source(line, ssrc=2)
    first.send(0)
    second.send(1)
    assert first.send(2) is None
    assert second.send(3) is not None
    assert (line.stale, line.restarts) == (1, 1)
    assert first.send(100) is not None  # but after a second it may


def test_numbers_that_begin_anew_go_on() -> None:
    line = Continuity()
    Source(line, sequence=50_000).send(0)
    assert Source(line, sequence=100).send(1) == place(1)
    assert line.lost == 0


def test_a_packet_that_is_later_than_any_should_be_is_no_new_beginning() -> None:
    source = Source(Continuity())
    for number in (0, *range(2, 200)):
        source.send(number)
    assert source.send(1) is None
    assert (source.line.stale, source.line.restarts) == (1, 0)


def test_timestamps_that_jump_are_taken_for_what_the_clock_says() -> None:
    line = Continuity()
    Source(line).send(0)
    moved = Source(line, timestamp=900_000_000)
    assert moved.send(1) == place(1)
    assert moved.send(2) == place(2)


def test_a_silence_that_the_source_counts_is_as_long_as_it_says() -> None:
    source = Source(Continuity(), sequence=1)
    source.send(0)
    silent = Source(source.line, sequence=1 - 400)  # numbers go on, timestamps have moved by 8 s
    assert silent.send(401) == Place(1, 401 * SAMPLES)


def test_a_silence_that_the_source_does_not_count_is_as_long_as_it_was() -> None:
    source = Source(Continuity())
    source.send(0)
    assert source.send(1, at=10.0) == Place(1, 10 * RATE)


def test_packets_that_had_to_wait_for_us_keep_their_times() -> None:
    source = Source(Continuity())
    source.send(0)
    assert [source.send(number, at=10.0, waiting=True) for number in range(1, 500)] == [
        place(number) for number in range(1, 500)]


def test_an_event_in_place_of_audio_is_no_loss_and_takes_no_number() -> None:
    source = Source(Continuity())
    source.send(0)
    for number in (1, 2, 3):
        source.line.skip(1, source.sequence + number)
    assert source.send(4) == Place(1, 4 * SAMPLES)
    assert source.line.lost == 0


def test_what_an_event_has_overtaken_has_no_place() -> None:
    source = Source(Continuity())
    source.send(0)
    source.line.skip(1, source.sequence + 2)
    assert source.send(1) is None


def test_the_clock_of_reports_is_the_one_of_packets_that_were_not_delayed() -> None:
    source = Source(Continuity())
    for number in range(50):
        source.send(number, at=number * TICK + (0.1 if number % 7 else 0))
    assert abs(source.line.sample_at(2.0) - 2 * RATE) < 40


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF),
                          st.floats(0, 0.5), st.booleans()), max_size=60))
def test_no_place_is_given_twice_and_no_clock_runs_away(
        packets: list[tuple[int, int, int, float, bool]]) -> None:
    line, now = Continuity(), 0.0
    places = []
    for source, sequence, timestamp, wait, event in packets:
        now += wait
        if event:
            line.skip(source, sequence)
        elif (found := line.take(source, sequence, timestamp, SAMPLES, now)) is not None:
            places.append(found)
    numbers = [one.number for one in places]
    assert len(set(numbers)) == len(numbers) == line.received
    # Each packet may be off by the second in which timestamps are believed.
    assert all(one.sample <= now * RATE + len(places) * (RATE + SAMPLES) for one in places)
