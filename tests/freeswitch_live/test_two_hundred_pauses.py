"""Two hundred pauses at random moments, ten calls at once: not a sample of what was said in one is in any file, neither
in FreeSWITCH's nor in ours, nor in one that was there for a moment only."""

from pathlib import Path

import numpy as np
import pytest

from tests.freeswitch import FreeSwitchServer
from tests.freeswitch_live import menus
from tests.hearing import tones
from tests.listening import Kept, traces
from tests.pausing import CARD_TONE
from tests.phone import Phones
from tests.phonograph import Phonograph
from tests.random_pauses import run, seams
from tests.sounds import Samples

pytestmark = [pytest.mark.freeswitch, pytest.mark.timeout(120)]

CALLS, PAUSES, SEED = 10, 20, 7
EVERYTHING = "recordIncomingPSTN: true\nrecord: audio\ntrunks: {contexts: [from-trunk], gateways: [trunk]}\n"
LOUDEST, LEVEL = 2000, 400.0
"""No sample of the voices is louder, and at the tone's frequency they stay below the level in any 20 ms."""
CONFIRM_WITHIN = 5
"""Seconds: on a busy machine an answer is late, and what it promises is to be seen there too."""
SEAM = 0.2
"""Seconds of wanted audio that may be missing at a seam, on the average."""


async def test_nothing_of_two_hundred_pauses_is_in_any_file(
        freeswitch: FreeSwitchServer, phones: Phones, tmp_path: Path) -> None:
    menus.add(freeswitch, SEED, calls=CALLS, pauses=PAUSES)
    with Kept(freeswitch.recordings, tmp_path) as kept:
        async with Phonograph(freeswitch, tmp_path, policy=EVERYTHING,
                              pause={"confirm_within": CONFIRM_WITHIN}) as service:
            done = await run(service, phones, seed=SEED, calls=CALLS, pauses=PAUSES)
            rows = await service.closed(CALLS)
        everything = list(kept.tracks())
        names = kept.names()
    assert all(len(tones(call.stream.heard(), CARD_TONE)) > PAUSES / 2 for call in done.hearers)
    assert sum(len(row["pauses"]) for row in rows) >= CALLS * PAUSES
    # An unfinished file may be there for less than it takes to look again.
    assert sum("work/" in name for name in names) >= CALLS // 2
    for part in ("recordings/", "phonograph/"):
        assert sum(part in name for name in names) >= CALLS, part
    assert {name for name, track in everything if heard(track)} == set()
    left: dict[str, Samples] = {}
    for name, track in everything:
        left.setdefault(Path(name).name, track)
    lost = seams(rows, done, left)
    assert np.median(lost.before) < SEAM
    assert np.median(lost.after) < SEAM


def heard(samples: Samples) -> bool:
    return traces(samples, CARD_TONE, level=LEVEL, loudest=LOUDEST)
