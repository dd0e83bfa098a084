"""Two hundred pauses at random moments, ten calls at once: not a sample of what was said in one is in any file, neither
in the switch's nor in ours, nor in one that was there for a moment only."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.asterisk import AsteriskServer
from tests.asterisk_live.dialplans import added
from tests.asterisk_live.menus import menus
from tests.freeswitch_live.menus import add
from tests.hearing import tones
from tests.listening import Kept
from tests.pausing import CARD_TONE
from tests.phone import Phones
from tests.phonograph import Json, Phonograph
from tests.random_pauses import betrayal, betrays, run, seams
from tests.recording_server import RecordingServer
from tests.recording_to import heard
from tests.scenarios.conftest import Exchange
from tests.sounds import Samples

pytestmark = pytest.mark.timeout(300)

CALLS, PAUSES, SEED = 10, 20, 7
CONFIRM_WITHIN = 5
"""Seconds: on a busy machine an answer is late, and what it promises is to be seen there too. An answer that is forced
promises less: only that the job silences what was said."""
SEAM = 0.2
"""Seconds of wanted audio that may be missing at a seam, on the average, beyond what the switch needs to drain. What is
normal, bench/pauses.py shows."""
DRAINED = 0.2


@pytest.fixture
def pausing(exchange: Exchange) -> Iterator[Exchange]:
    """The switch, with the menus that pause."""
    if isinstance(exchange, AsteriskServer):
        with added(exchange, menus(SEED, calls=CALLS, pauses=PAUSES)):
            yield exchange
    else:
        add(exchange, SEED, calls=CALLS, pauses=PAUSES)
        yield exchange


async def test_nothing_of_two_hundred_pauses_reaches_a_recording_server(
        pausing: Exchange, everything: str, phones: Phones, relay: Json, tmp_path: Path) -> None:
    async with (RecordingServer(tmp_path / "server") as server,
                Phonograph(pausing, tmp_path, policy=f"{everything}recordingTarget: siprec\n",
                           siprec={"servers": {"main": {"uri": server.uri}}, **relay},
                           pause={"confirm_within": CONFIRM_WITHIN}) as service):
        done = await run(service, phones, seed=SEED, calls=CALLS, pauses=PAUSES)
        rows = await service.closed(CALLS)
        tracks = {f"{session.call_id}/{label}": heard(track)
                  for session in server.sessions.values() for label, track in session.tracks.items()}
    assert all(len(tones(call.stream.heard(), CARD_TONE)) > PAUSES / 2 for call in done.hearers)
    assert sum(len(row["pauses"]) for row in rows) >= CALLS * PAUSES
    assert len([name for name, track in tracks.items() if len(track)]) >= 2 * CALLS
    assert {name: betrayal(track) for name, track in tracks.items() if betrays(track)} == {}


async def test_nothing_of_two_hundred_pauses_is_in_any_file(
        pausing: Exchange, everything: str, phones: Phones, tmp_path: Path) -> None:
    made_by = "-in.wav" if isinstance(pausing, AsteriskServer) else "phonograph/"
    with Kept(pausing.recordings, tmp_path) as kept:
        async with Phonograph(pausing, tmp_path, policy=everything,
                              pause={"confirm_within": CONFIRM_WITHIN}) as service:
            done = await run(service, phones, seed=SEED, calls=CALLS, pauses=PAUSES)
            rows = await service.closed(CALLS)
        everywhere = list(kept.tracks())
        names = kept.names()
    assert all(len(tones(call.stream.heard(), CARD_TONE)) > PAUSES / 2 for call in done.hearers)
    assert sum(len(row["pauses"]) for row in rows) >= CALLS * PAUSES
    # An unfinished file may be there for less than it takes to look again.
    assert sum("work/" in name for name in names) >= CALLS // 2
    for part in ("recordings/", made_by):
        assert sum(part in name for name in names) >= CALLS, part
    assert {name: betrayal(track) for name, track in everywhere if betrays(track)} == {}
    first: dict[str, Samples] = {}
    for name, track in everywhere:
        first.setdefault(Path(name).name, track)
    lost = seams(rows, done, first)
    assert np.median(lost.before) < SEAM
    assert np.median(lost.after) < SEAM + DRAINED
