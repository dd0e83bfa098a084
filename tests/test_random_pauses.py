"""The ear of the two hundred pauses."""

import numpy as np

from tests.random_pauses import CARD, VOICES, betrayal, betrays
from tests.sounds import RATE, Samples


def hidden(samples: int) -> Samples:
    """A second of two voices with so many samples of the tone in its middle."""
    audio = VOICES[0].cycle(0, RATE) + VOICES[1].cycle(0, RATE)
    audio[RATE // 2 : RATE // 2 + samples] = CARD.samples[:samples]
    return audio.astype(np.int16)


def test_it_hears_twenty_milliseconds_of_the_tone_and_even_three_samples() -> None:
    assert betrays(hidden(RATE // 50))
    assert betrays(hidden(3))
    assert not betrays(hidden(0))


def test_a_failure_says_where_the_tone_is() -> None:
    assert betrayal(hidden(160)) == "8000 samples, 134 loud ones from 4001 to 4159, tone 7999, peak 7999"
