"""Two hundred pauses at random moments, ten calls at once: not a sample of what was said in one is in any file, neither
in Asterisk's nor in ours, nor in one that was there for a moment only."""

from pathlib import Path

import numpy as np
import pytest

from tests.asterisk import AsteriskServer
from tests.asterisk_live.dialplans import Dialplan
from tests.asterisk_live.menus import menus
from tests.hearing import tones
from tests.listening import Kept, traces
from tests.pausing import CARD_TONE
from tests.phone import Phones
from tests.phonograph import Phonograph
from tests.random_pauses import CARD, VOICES, run, seams
from tests.recorded import EVERYTHING
from tests.sounds import RATE, Samples

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]

CALLS, PAUSES, SEED = 10, 20, 7
LOUDEST = 2000
"""No sample of the voices, nor of two of them, is louder; of the tones, most are."""
LEVEL = 400.0
"""The voices, at the tone's frequency, stay below this in any 20 ms."""
CONFIRM_WITHIN = 5
"""Seconds: on a busy machine an answer is late, and what it promises is to be seen there too. An answer that is forced
promises less: only that the job silences what was said."""
SEAM = 0.2
"""Seconds of wanted audio that may be missing at a seam, on the average. What is normal, bench/pauses.py shows."""


def heard(samples: Samples) -> bool:
    return traces(samples, CARD_TONE, level=LEVEL, loudest=LOUDEST)


def hidden(samples: int) -> Samples:
    """A second of two voices with so many samples of the tone in its middle."""
    audio = VOICES[0].cycle(0, RATE) + VOICES[1].cycle(0, RATE)
    audio[RATE // 2 : RATE // 2 + samples] = CARD.samples[:samples]
    return audio.astype(np.int16)


def test_the_ear_hears_twenty_milliseconds_of_the_tone_and_even_three_samples() -> None:
    assert heard(hidden(RATE // 50))
    assert heard(hidden(3))
    assert not heard(hidden(0))


async def test_nothing_of_two_hundred_pauses_is_in_any_file(
        asterisk: AsteriskServer, phones: Phones, dialplan: Dialplan, tmp_path: Path) -> None:
    dialplan(menus(SEED, calls=CALLS, pauses=PAUSES))
    with Kept(asterisk.recordings, tmp_path) as kept:
        async with Phonograph(asterisk, tmp_path, policy=EVERYTHING,
                              pause={"confirm_within": CONFIRM_WITHIN}) as service:
            done = await run(service, phones, seed=SEED, calls=CALLS, pauses=PAUSES)
            rows = await service.closed(CALLS)
        everything = list(kept.tracks())
        names = kept.names()
    assert all(len(tones(call.stream.heard(), CARD_TONE)) > PAUSES / 2 for call in done.hearers)
    assert sum(len(row["pauses"]) for row in rows) >= CALLS * PAUSES
    # An unfinished file may be there for less than it takes to look again.
    assert sum("work/" in name for name in names) >= CALLS // 2
    for part in ("recordings/", "-in.wav", "-out.wav"):
        assert sum(part in name for name in names) >= CALLS, part
    assert {name for name, track in everything if heard(track)} == set()
    lost = seams(rows, done, {Path(name).name: track for name, track in everything})
    assert np.median(lost.before) < SEAM
    assert np.median(lost.after) < SEAM
