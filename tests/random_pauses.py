"""Many calls at once, each paused many times at random moments; in every pause, and only there, a tone.

In half of the calls the dialplan pauses and plays the tone to the caller. In the others two parties talk, somebody
pauses through the service's socket, and one of the two phones plays the tone: the caller, or the callee.
"""

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import aiohttp
import numpy as np

from tests.listening import peak, traces
from tests.lost import Lost, lost_at_seams
from tests.pausing import CARD_TONE, strength
from tests.phone import Call, Phone, Phones
from tests.phonograph import Json, Phonograph
from tests.rtp import TICK
from tests.sounds import PACKET, Samples, noise, one_zero, tone

VOICES = [noise(40 + number, seconds=60, level=200) for number in range(3)]
"""Of the callers, of the callees, of who calls the menu: so low that no sample of theirs is as loud as the tone's."""

CARD = tone(CARD_TONE)

LOUDEST, LEVEL = 2000, 400.0
"""No sample of the voices, nor of two of them, is louder, and at the tone's frequency they stay below the level in any
20 ms; of the tones, most samples are louder."""

HELD_UP, LATELY = 0.1, 500
"""Seconds without a packet of a phone, which then sends all of them at once, and for how many packets a switch may be
late with what comes after that: FreeSWITCH takes up one in ten ticks of its clock."""

MENU = 340
"""The first menu's number."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Times in seconds. ``two``: another owner pauses as well, and the tone goes on after the first has resumed."""

    before: float
    tone: float
    two: bool


@dataclass
class Paused:
    """What came of it.

    Attributes:
        pairs, menus: the callers' ends of the calls, of two parties and with the menu.
        hearers: the ends to which the tones went.
        waited: seconds from each request at the socket to its answer, which was a confirmation.
    """

    pairs: list[Call] = field(default_factory=list)
    menus: list[Call] = field(default_factory=list)
    hearers: list[Call] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)


def plan(draw: random.Random, pauses: int) -> list[Pause]:
    """The pauses of one call: every fifth at once after the one before, every fourth as short as 50 ms."""
    return [Pause(before=0.0 if draw.random() < 0.2 else draw.uniform(0.05, 1.4),
                  tone=0.05 if draw.random() < 0.25 else draw.uniform(0.06, 0.8), two=draw.random() < 0.15)
            for _ in range(pauses)]


def plans(seed: int, *, calls: int, pauses: int) -> list[list[Pause]]:
    """The pauses of the menus that `run` calls, menu by menu."""
    draw = random.Random(seed)
    return [plan(draw, pauses) for _ in range(calls // 2)]


async def pairs(phones: Phones, count: int, caller: str, callee: str, number: str) -> list[tuple[Call, Call]]:
    """So many calls between two phones."""
    one, other = await phones.user(caller, VOICES[0]), await phones.user(callee, VOICES[1])
    made = []
    for _ in range(count):
        call = one.call(number)
        taken = await other.next_call()
        await call.answered
        made.append((call, taken))
    return made


async def talk(service: Phonograph, pair: tuple[Call, Call], pauses: list[Pause], *, callee: bool, line: set[int],
               done: Paused) -> None:
    """Pause one call of two parties as planned, and hang up.

    Args:
        callee: whether it is the callee who plays the tone.
        line: which of the pauses are asked for on the command line.
        done: takes the times of the answers.
    """
    call = pair[0]
    speaker, hearer, voice = (pair[1], call, VOICES[1]) if callee else (call, pair[1], VOICES[0])
    done.pairs.append(call)
    done.hearers.append(hearer)
    # A moment after the answer the ledger has it too, and there is something to lose before the first pause.
    await asyncio.sleep(1)
    identity = next(row["id"] for row in await service.calls() if row["sip_call_id"] == call.id)
    connector = aiohttp.UnixConnector(str(service.socket))
    async with aiohttp.ClientSession(connector=connector) as session:
        async def ask(verb: str, owner: str, *, typed: bool) -> None:
            if typed:
                status, said = await service.cli(verb, identity, "--owner", owner)
                assert status == 0, said
                return
            begun = time.monotonic()
            async with session.post(f"http://phonograph/calls/{identity}/{verb}?owner={owner}") as answer:
                told = await answer.json()
                assert (answer.status, told["answer"]) == (200, "confirmed" if verb == "pause" else "done"), told
            if verb == "pause":
                done.waited.append(time.monotonic() - begun)

        for number, pause in enumerate(pauses):
            typed = number in line
            await asyncio.sleep(pause.before)
            await ask("pause", "operator", typed=typed)
            if pause.two:
                await ask("pause", "fraud", typed=False)
            speaker.stream.play(CARD)
            await asyncio.sleep(pause.tone)
            if pause.two:
                await ask("resume", "fraud", typed=False)
                await asyncio.sleep(0.1)
            speaker.stream.play(voice)
            await passed_on(speaker, hearer)
            await ask("resume", "operator", typed=typed)
        await asyncio.sleep(1)
    await call.hangup()


async def passed_on(speaker: Call, hearer: Call) -> None:
    """Where the machine has held the phones up, until what is said from now on is heard: a tone that comes to the
    switch after its pause is of the pause for nobody."""
    stream, sound = speaker.stream, speaker.stream.sound
    if sound is None or max(later - one for one, later in pairwise(stream.sent.ticks[-LATELY:])) <= HELD_UP:
        return
    packets, following = sound.packets(stream.codec), stream.sent.samples[-1] // PACKET + 1
    own = {one_zero(packets[number % len(packets)]) for number in range(following, following + LATELY)}
    while one_zero(hearer.stream.arrivals[-1].payload) not in own:
        await hearer.stream.listen(TICK)


async def run(service: Phonograph, phones: Phones, *, seed: int, calls: int, pauses: int) -> Paused:
    """Place the calls and pause them, side by side; returns when all have ended.

    Args:
        calls: half of them in menus that `menus` made of the same seed.
    """
    draw = random.Random(seed + 1)
    for sound in (*VOICES, CARD):
        sound.packets("PCMU")
    done = Paused()
    alice: Phone = await phones.user("alice", VOICES[2])
    made = await pairs(phones, calls - calls // 2, "carol", "dave", "104")
    async with asyncio.TaskGroup() as group:
        for number, pair in enumerate(made):
            line = {3, 11} if number == 0 else set()
            group.create_task(talk(service, pair, plan(draw, pauses), callee=number % 2 == 1, line=line, done=done))
        for number in range(calls // 2):
            call = alice.call(str(MENU + number))
            done.menus.append(call)
            done.hearers.append(call)
            await call.answered
        for call in done.menus:
            await call.ended
    return done


def seams(rows: list[Json], done: Paused, files: Mapping[str, Samples]) -> Lost:
    """What of the callers' voices is missing at the seams of all calls together.

    Args:
        files: the first channel of each file in Asterisk's spool, by the file's name without its folder.
    """
    found = Lost()
    callers = [(call, VOICES[0]) for call in done.pairs] + [(call, VOICES[2]) for call in done.menus]
    for call, voice in callers:
        row = next(row for row in rows if row["sip_call_id"] == call.id)
        tracks = [(segment["started"], files[Path(file).name]) for segment in row["recordings"][0]["segments"]
                  for file in segment["files"] if Path(file).name in files and not file.endswith("-out.wav")]
        lost = lost_at_seams(call, voice, row, tracks)
        found.before += lost.before
        found.after += lost.after
    return found


def betrays(samples: Samples) -> bool:
    """Whether anything of the tone is in some audio."""
    return traces(samples, CARD_TONE, level=LEVEL, loudest=LOUDEST)


def betrayal(samples: Samples) -> str:
    """What is to be known of audio with something of the tone in it, for who reads of it when the files are gone."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > LOUDEST)
    place = f", {len(loud)} loud ones from {loud[0]} to {loud[-1]}" if len(loud) else ""
    return f"{len(samples)} samples{place}, tone {strength(samples, CARD_TONE):.0f}, peak {peak(samples)}"
