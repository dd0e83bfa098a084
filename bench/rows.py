"""The rounds' figures as rows of the table, with the bounds that the design sets. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.composing import Composing
from bench.figures import Row, Spread, quantile, ratio_of, spread
from bench.journeys import Journey
from bench.rounds import Round
from bench.switches import Mode

__all__ = ["BOUND_CPU", "answers", "composing", "cost", "ends", "own_cost", "set_up"]

BOUND_CPU = 1.15
BOUND_MEDIAN, BOUND_P99 = 30.0, 150.0
"""Milliseconds from the answer to the recording, at 10 calls a second."""

BOUND_OURS = 15.0
"""Milliseconds of our own processor time a call."""

BOUND_READY = 1000.0
"""Milliseconds from the hangup to the finished recording, of 99 in 100."""


def _of(rounds: Sequence[Round], mode: Mode, figure: Callable[[Round], float]) -> list[float]:
    return [figure(one) for one in rounds if one.mode is mode]


def cost(rounds: Sequence[Round]) -> list[Row]:
    """What a second of a call costs in each mode, the switch's processor time and ours together."""
    figures = {mode: _of(rounds, mode, lambda one: one.per_call_second) for mode in Mode}
    alone = {mode: _of(rounds, mode, lambda one: one.switch_per_call_second) for mode in Mode}
    rivals = [mode for mode in Mode if figures[mode] and mode not in (Mode.UNRECORDED, Mode.OURS)]
    unrecorded = f"unrecorded: {_ms(spread(figures[Mode.UNRECORDED]))}"
    found = [Row(f"CPU of a call's second, {mode}", _ms(spread(figures[mode])), unrecorded,
                 ratio_of(figures[mode], figures[Mode.UNRECORDED])) for mode in (*rivals, Mode.OURS)]
    for rival in rivals:
        over = ratio_of(figures[Mode.OURS], figures[rival])
        found += [
            Row(f"CPU of a call's second, {Mode.OURS}", _ms(spread(figures[Mode.OURS])),
                f"{rival}: {_ms(spread(figures[rival]))}", over, f"{BOUND_CPU:g}", over.value <= BOUND_CPU),
            Row("- of the switch alone", _ms(spread(alone[Mode.OURS])), f"{rival}: {_ms(spread(alone[rival]))}",
                ratio_of(alone[Mode.OURS], alone[rival])),
        ]
    return found


def set_up(rounds: Sequence[Round]) -> Row:
    """How long a call takes to be answered: a recorder must not be in its way."""
    def delays(mode: Mode) -> list[float]:
        return [1000 * talk.set_up for one in rounds if one.mode is mode for talk in one.talks]

    ours, plain = quantile(delays(Mode.OURS), 0.5), quantile(delays(Mode.UNRECORDED), 0.5)
    return Row("INVITE to 200, median", f"{ours:.1f} ms", f"unrecorded: {plain:.1f} ms",
               Spread(ours / plain, *_middle(delays(Mode.OURS), plain)))


def _middle(values: Sequence[float], against: float) -> tuple[float, float]:
    """The middle half of the values, against one."""
    return quantile(values, 0.25) / against, quantile(values, 0.75) / against


def own_cost(rounds: Sequence[Round]) -> list[Row]:
    """Our own processor time a call, from before its INVITE to its finished recording."""
    return [Row(f"our CPU a call of {one.plan.seconds:g} s, {one.plan.calls} calls", f"{one.ours_per_call:.1f} ms",
                bound=f"{BOUND_OURS:g} ms", kept=one.ours_per_call <= BOUND_OURS) for one in rounds]


def answers(journeys: Sequence[Journey], rate: float, *, bound: bool) -> list[Row]:
    """The way from the answer to the recording, by the switch's own event times."""
    times = [1000 * journey.to_recording for journey in journeys]
    what = f"answer to recording, {rate:g} calls/s"
    rows = []
    for name, share, limit in (("median", 0.5, BOUND_MEDIAN), ("p99", 0.99, BOUND_P99)):
        value = quantile(times, share)
        rows.append(Row(f"{what}, {name}", f"{value:.0f} ms", bound=f"{limit:g} ms" if bound else "",
                        kept=value <= limit if bound else None))
    return rows


def ends(one: Round) -> list[Row]:
    """The way from the hangup to the finished recording."""
    times = [1000 * journey.to_ready for journey in one.journeys]
    what = f"hangup to ready, calls of {one.plan.seconds:g} s, {one.plan.calls} at once"
    last = quantile(times, 0.99)
    return [Row(f"{what}, median", f"{quantile(times, 0.5):.0f} ms"),
            Row(f"{what}, p99", f"{last:.0f} ms", bound=f"{BOUND_READY:g} ms", kept=last <= BOUND_READY)]


def composing(found: Composing, seconds: int) -> list[Row]:
    """Ours against the two rivals, the mixed file alone; then what the product writes."""
    what, ours = f"composing {seconds / 60:g} min of two tracks", spread(found.mixed)
    rows = []
    for name, theirs in (("sox -m", found.sox), ("ffmpeg amix", found.ffmpeg)):
        ratio = ratio_of(found.mixed, theirs)
        rows.append(Row(f"{what}, mixed", _s(ours), f"{name}: {_s(spread(theirs))}", ratio, "1", ratio.value < 1))
    ratio = ratio_of(found.product, found.ffmpeg)
    return [*rows, Row(f"{what}, mixed, stereo and SHA-256", _s(spread(found.product)),
                       f"ffmpeg amix, mixed only: {_s(spread(found.ffmpeg))}", ratio)]


def _ms(value: Spread) -> str:
    return f"{value.value:.1f} ms"


def _s(value: Spread) -> str:
    return f"{value.value:.2f} s"
