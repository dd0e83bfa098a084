"""``python -m bench``: everything in one run, some fifteen minutes, and a table for each switch. ``python -m bench
freeswitch``, or ``asterisk``: that switch alone. ``python -m bench siprec-relay``: only the relay of SIPREC.
``python -m bench siprec``: calls to a recording server, against the same into files."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import composing, crowd, encrypting, esl_parser, finishing, journeys, relay, rows, siprec
from bench.content import Content
from bench.crowd import HUNDRED, WARMING_UP, Measured
from bench.figures import Row, table
from bench.journeys import Journey
from bench.kept import Kept
from bench.load import Talk
from bench.probes import Heard
from bench.relay_load import Carrier
from bench.rounds import Bench, Plan, Round
from bench.switches import RIVALS, Exchange, Mode
from tests.asterisk import AsteriskServer
from tests.freeswitch import HOW_TO_GET_ONE, FreeSwitchFault, FreeSwitchServer
from tests.servers import ServerFault

FOLDER = Path(__file__).resolve().parent.parent / ".cache" / "bench"
HOUR = 3600

SWITCHES: dict[str, Callable[[Path], Exchange]] = {"asterisk": AsteriskServer, "freeswitch": FreeSwitchServer}

SAME_CALLS = Plan(calls=50, rate=10, seconds=12)
FASTER = Plan(calls=100, rate=20, seconds=2)
"""A busy exchange's burst: does the answer still find its recording in time?"""

RELAY = "siprec-relay"
SIPREC = "siprec"

WORTHLESS = 0.02
"""The share of packets that the load may send late before its figures mean nothing."""


def progress(text: str, begun: float = time.monotonic()) -> None:
    """A line for whoever waits."""
    print(f"[{time.monotonic() - begun:5.1f} s] {text}", file=sys.stderr, flush=True)


def order(switch: str) -> list[Mode]:
    """There and back: what changes on the machine meanwhile meets every mode alike."""
    there = [Mode.UNRECORDED, *RIVALS[switch], Mode.OURS]
    return [*there, *reversed(there)]


async def calls(switch: str, server: Exchange, folder: Path) -> tuple[list[Round], list[Measured], Round]:
    """All rounds of calls: those of all modes, the crowds, and the burst."""
    bench = Bench(server, folder)
    modes = order(switch)
    try:
        # A service's first calls load what later ones find loaded.
        await bench.round(Mode.OURS, WARMING_UP)
        same = []
        for number, mode in enumerate(modes, 1):
            progress(f"round {number} of {len(modes)}: {SAME_CALLS.calls} calls, {mode}")
            same.append(await bench.round(mode, SAME_CALLS))
        crowds = []
        for mode in (Mode.UNRECORDED, Mode.OURS):
            progress(f"{HUNDRED.calls} calls of {HUNDRED.seconds:g} s at once, {mode}")
            crowds.append(await crowd.measure(bench, server, folder / "sipp", mode, HUNDRED))
        progress(f"{FASTER.calls} calls, {FASTER.rate:g} a second")
        fast = await bench.round(Mode.OURS, FASTER)
    finally:
        await bench.stop()
    return same, crowds, fast


def figures(same: list[Round], crowds: list[Measured], fast: Round) -> list[Row]:
    """What all these rounds have shown of one switch."""
    return [*rows.cost(same), rows.set_up(same), *crowd.rows(crowds),
            *rows.answers(crowds[-1].round.journeys, HUNDRED.rate, bound=True),
            *rows.answers(fast.journeys, FASTER.rate, bound=False)]


def not_run(switch: str) -> list[Row]:
    """The same lines of a switch that is not there."""
    def one(mode: Mode, plan: Plan) -> Round:
        return Round(mode, plan, switch=1, ours=1, others=0, wall=1, talks=[Talk("", 1)],
                     journeys=[Journey("", "ready", answered=0, ended=1, started=1, final=2)], late=0)

    crowds = [Measured(one(mode, HUNDRED), [Heard(1, 1, 1, 1, 0)], [], [Kept(1, 0)], [Content(1, 1, 0)])
              for mode in (Mode.UNRECORDED, Mode.OURS)]
    made_up = figures([one(mode, SAME_CALLS) for mode in order(switch)], crowds, one(Mode.OURS, FASTER))
    return [Row(what, "not run") for what in dict.fromkeys(row.what for row in made_up)]


def trust(rounds: list[Round]) -> list[str]:
    """What a reader has to know of the run: the recordings' states, and whether the machine was quiet."""
    recorded = [one for one in rounds if one.mode is Mode.OURS]
    placed = sum(one.plan.calls for one in recorded)
    found = [journey for one in recorded for journey in one.journeys]
    others = sum(one.others for one in rounds) / sum(one.wall for one in rounds) / (os.cpu_count() or 1)
    late = max(one.late for one in rounds)
    lines = [f"{placed} calls were recorded: {journeys.states(found)}.",
             f"Others used {others:.0%} of the machine's {os.cpu_count()} processors meanwhile; load average "
             f"{os.getloadavg()[0]:.1f}.",
             f"The load sent at most {late:.2%} of its packets late."]
    if late > WORTHLESS:
        lines.append("That is too many: the machine was too busy for these figures to mean anything.")
    return lines


def of(switch: str) -> str:
    """Run all calls on one switch: its table, with what has to be known of it."""
    try:
        server = SWITCHES[switch](FOLDER / switch)
    except FreeSwitchFault:
        return f"FreeSWITCH: {HOW_TO_GET_ONE}\n\n{table(not_run(switch))}"
    try:
        progress(f"{server.name} {server.version}")
        server.start()
        same, crowds, fast = asyncio.run(calls(switch, server, FOLDER / f"{switch}-calls"))
    finally:
        server.stop()
    told = trust([*same, *(one.round for one in crowds), fast])
    return "\n".join([f"{server.name} {server.version}\n", table(figures(same, crowds, fast)), "", *told])


def relayed() -> list[Row]:
    """What the relay of SIPREC carries, plain and with SRTP, and what rtpengine does in its place, in turns."""
    return relay.rows({srtp: {carrier: relay.ramp(srtp, progress, carrier) for carrier in Carrier}
                       for srtp in (False, True)})


def to_servers(switch: str) -> str:
    """Calls to a recording server on one switch: their table, with what has to be known of it."""
    folder = FOLDER / f"{switch}-siprec"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        server = SWITCHES[switch](folder / "switch")
        progress(f"{server.name} {server.version}")
        server.start()
        try:
            found = asyncio.run(siprec.measure(server, folder, progress))
        finally:
            server.stop()
    except ServerFault as fault:
        return f"{switch}: {fault}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return "\n".join([f"{server.name} {server.version}\n", table(siprec.rows(found)), "", *trust(found.rounds)])


def main(switches: Sequence[str]) -> int:
    """Run the bench.

    Returns:
        The exit status: 0 when it ran to its end; a bound that is missed is told, and is no failure.
    """
    shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "composing").mkdir(parents=True)
    try:
        progress("composing an hour: ours, sox -m, ffmpeg amix")
        alone = rows.composing(composing.measure(FOLDER / "composing", seconds=HOUR, rounds=3), HOUR)
        progress("encrypting an hour: ours, gpg")
        (FOLDER / "encrypting").mkdir()
        alone += encrypting.rows(encrypting.measure(FOLDER / "encrypting", seconds=HOUR, rounds=5))
        progress("reading FreeSWITCH's events: ours, greenswitch")
        alone += esl_parser.rows(esl_parser.measure())
        progress(f"finishing {finishing.CALLS} recordings, in each of {len(finishing.WAYS)} ways")
        alone += finishing.rows(asyncio.run(finishing.measure(FOLDER / "finishing")))
        alone += relayed()
        tables = [of(switch) for switch in switches]
    finally:
        # Half a gigabyte of noise is of no use to anybody.
        shutil.rmtree(FOLDER, ignore_errors=True)
    show([*tables, f"Without a switch\n\n{table(alone)}"])
    return 0


def show(tables: Sequence[str]) -> None:
    """Print what was found."""
    print(f"\n{os.cpu_count()} processors. docs/bench.md says what each line means.\n")
    print("\n\n".join(tables))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("what", nargs="?", choices=[*SWITCHES, RELAY, SIPREC])
    named = parser.parse_args().what
    if named == RELAY:
        show([table(relayed())])
        sys.exit(0)
    if named == SIPREC:
        show([to_servers(switch) for switch in SWITCHES])
        sys.exit(0)
    sys.exit(main([named] if named else list(SWITCHES)))
