"""What a question adds is told against the calls without one."""

from bench.asking import lines


def test_each_quantile_is_compared_with_its_own() -> None:
    _, plain, asked = lines({"no question": [0.001, 0.002, 0.003], "asked": [0.004, 0.006, 0.008]})
    assert plain == ("no question", "2.0", "", "2.8", "", "3.0", "3.0")
    assert asked == ("asked", "6.0", "4.0", "7.6", "4.8", "8.0", "8.0")
