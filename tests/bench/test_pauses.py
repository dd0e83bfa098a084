"""The lines of what a pause costs."""

from bench.pauses import HEADS, line


def test_a_line_has_milliseconds_and_how_many_there_were() -> None:
    found = line("audio lost", [0.0, 0.02, 0.04])
    assert found == ("audio lost", "20 ms", "40 ms", "40 ms", "3")
    assert len(found) == len(HEADS)
