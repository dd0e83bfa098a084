"""``/metrics``: the service's figures in the text that Prometheus reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from recorder.states import Carrying, RecordingState
from service.desk import Desk
from service.figures import Figures

_SWITCH = ("switch",)


def router(desk: Desk) -> APIRouter:
    """The route; each look is a new one, and nothing is kept between two."""
    made = APIRouter()

    @made.get("/metrics")
    async def metrics() -> Response:
        return Response(text(await desk.figures(), desk.health()), media_type=CONTENT_TYPE_LATEST)

    return made


def text(figures: Figures, health: dict[str, Any]) -> bytes:
    """The figures as Prometheus's text format 0.0.4. No name, number or id of a call is among them.

    Args:
        health: as ``Desk.health`` gives it; the disks are in it.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once([*_switches(figures), *_recordings(figures), *_servers(figures), *_work(figures),
                             *_machine(health)]))
    return generate_latest(registry)


class _Once(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def _gauge(name: str, says: str, labels: Iterable[str] = ()) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"phonograph_{name}", says, labels=list(labels))


def _switches(figures: Figures) -> Iterator[Metric]:
    up = _gauge("switch_up", "Whether the connection to the switch stands.", _SWITCH)
    calls = _gauge("calls_open", "Calls that are not over.", _SWITCH)
    waiting = _gauge("events_waiting", "Events of the switch that were not looked at yet.", _SWITCH)
    unwritten = _gauge("calls_unwritten", "Calls that the ledger has not taken yet.", _SWITCH)
    ledger = _gauge("ledger_writable", "Whether the last transaction of the switch's calls succeeded.", _SWITCH)
    for name, health in figures.switches.health.items():
        for family, value in ((up, health.up), (calls, health.calls), (waiting, health.waiting),
                              (unwritten, health.unwritten), (ledger, health.ledger)):
            family.add_metric([name], float(value))
    yield from (up, calls, waiting, unwritten, ledger)


def _recordings(figures: Figures) -> Iterator[Metric]:
    now = _gauge("recordings_running", "Recordings that are being made, by their state.", ("switch", "state"))
    for (switch, state), number in sorted(figures.switches.recording.items()):
        now.add_metric([switch, state], number)
    came = CounterMetricFamily(
        "phonograph_recording_states",
        "How often recordings came to a state, of all services on this ledger, since this one was first asked.",
        labels=["state"])
    for state in RecordingState:
        came.add_metric([state.value], figures.came_to.get(state, 0))
    yield from (now, came)


def _servers(figures: Figures) -> Iterator[Metric]:
    sessions = _gauge("sessions", "Sessions with recording servers that are asked for or up.", ("server", "state"))
    for (server, state), number in sorted(figures.switches.sessions.items()):
        sessions.add_metric([server, state], number)
    now = _gauge("recordings_uncarried", "Recordings that a recording server should have, and none takes.", _SWITCH)
    for switch in figures.switches.health:
        now.add_metric([switch], figures.switches.uncarried.get(switch, 0))
    times = CounterMetricFamily(
        "phonograph_fallbacks", "How often no recording server took a recording in time, of all services on this "
        "ledger, since this one was first asked.", value=figures.came_to.get(Carrying.UNCARRIED, 0))
    packets = CounterMetricFamily(
        "phonograph_server_packets",
        "Packets of recordings that are over, of all services on this ledger, since this one was first asked: sent to "
        "a recording server, lost before they came to us, not got by the server's own word (unheard).",
        labels=["server", "what"])
    for (server, what), number in sorted(figures.packets.items()):
        packets.add_metric([server, what], number)
    yield from (sessions, now, times, packets)


def _work(figures: Figures) -> Iterator[Metric]:
    jobs = _gauge("jobs", "Jobs that wait, run or have failed, of all services on this ledger.", ("state",))
    for state, number in figures.jobs.items():
        jobs.add_metric([state.value], number)
    notices = _gauge("notices", "Notices that wait, are being sent or have failed.", ("channel", "status"))
    for (channel, status), number in sorted(figures.notices.items()):
        notices.add_metric([channel, status.value], number)
    yield from (jobs, notices)


def _machine(health: dict[str, Any]) -> Iterator[Metric]:
    well = _gauge("well", "Whether nothing needs a person, as /health says.")
    well.add_metric([], float(health["well"]))
    free = _gauge("disk_free_bytes", "Free room of each folder's file system.", ("folder",))
    for name, folder in health["disk"]["folders"].items():
        if folder["free"] is not None:
            free.add_metric([name], folder["free"])
    yield from (well, free)
