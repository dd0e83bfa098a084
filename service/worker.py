"""A worker process: finishes recordings that the queue tells of, and takes tasks from elsewhere."""

from __future__ import annotations

import asyncio
import signal
from contextlib import ExitStack
from random import SystemRandom

import structlog

from faults import LedgerUnavailable, SettingsInvalid
from ledger import Ledger
from link.backoff import Backoff
from processing.amqp import Line, jobs_queue, keep_connected
from processing.fed import Fed
from processing.intake import Intake
from processing.jobs_queue import take_jobs
from processing.relay import Relay
from service import folders, pipeline, storage, workers
from service.clock import SystemClock
from service.settings import Settings

log = structlog.get_logger("service")


async def run(settings: Settings, at_once: int) -> None:
    """Run until SIGTERM or SIGINT; then each recording that is worked on is let go of after its step.

    Args:
        at_once: how many recordings are worked on at a time.

    Raises:
        Fault: it cannot start, and says why.
    """
    if settings.rabbitmq is None:
        raise SettingsInvalid("A worker needs the section `rabbitmq`: the queue tells it what to do.", key="rabbitmq")
    clock = SystemClock()
    names, address = workers.queue_names(settings), workers.queue_address(settings.rabbitmq)
    with ExitStack() as stack:
        for folder in (settings.work_path, settings.destination_path):
            folders.make(folder)
            folders.prove(folder)
        ledger = await _opened(settings.ledger)
        stack.callback(ledger.close)
        places = workers.places(settings)
        made = await asyncio.to_thread(pipeline.build, settings, storage.stores(settings), clock.at)
        fed = Fed(workers.make(settings, ledger, made, places, at_once, clock=clock.at),
                  renew_every=workers.renew_every(settings))
        relay = Relay(ledger, clock.at)
        intake = Intake(ledger, places, names, clock=clock.at, begun=relay.notify)
        takes_tasks = settings.recordings_path is not None or settings.audio_path is not None

        async def work(line: Line) -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(relay.run(line))
                for queue in {jobs_queue(places.node), jobs_queue(None)}:
                    group.create_task(take_jobs(line, queue, fed, at_once))
                if takes_tasks:
                    group.create_task(intake.run(line))

        log.info("worker runs", node=places.node, at_once=at_once, tasks=takes_tasks)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(fed.renew()), group.create_task(fed.look()),
                     group.create_task(keep_connected(address, names, work))]
            await _asked_to_stop()
            # Still connected: what is let go of is acknowledged, and told to the others.
            await fed.stop()
            for task in tasks:
                task.cancel()
    log.info("worker has stopped")


async def _opened(where: str) -> Ledger:
    """The ledger. One on a server may be away when a worker starts, as at any later time."""
    backoff = Backoff(SystemRandom())
    while True:
        try:
            return await asyncio.to_thread(Ledger.open, where)
        except LedgerUnavailable as fault:
            if "://" not in where:
                raise
            log.error("the worker waits: the ledger cannot be used", cause=fault.message)
        await asyncio.sleep(backoff.wait(0.0))


async def _asked_to_stop() -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
