"""The running service: what it is made of, started in a fixed order and stopped cleanly."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from faults import Fault, LedgerFault
from ledger import Ledger
from processing.amqp import keep_connected
from processing.expiry import Reaper
from processing.names import NameTemplate
from processing.relay import Relay
from processing.runner import Runner
from recorder.effects import Adopt
from recorder.engine import Engine
from recorder.events import Adopted, SessionIs, Silenced
from recorder.world import Limits
from service import folders, pipeline, recording_servers, storage, wire, workers
from service.adoption import adopt
from service.clock import Clock, SystemClock
from service.desk import Desk
from service.disk import Disk, Watermarks, stop_optional, watched
from service.driver import Driver
from service.duration import Longest
from service.expected import Daily
from service.hearing import Hearing
from service.journal import Journal
from service.journal_files import JournalFiles
from service.lock import Lock
from service.notices import Notices, notices_of
from service.running_policy import RunningPolicy
from service.seams import Seams
from service.settings import Settings
from service.storage_desk import StorageDesk, buckets
from service.store import Store
from service.switch_settings import AsteriskSettings, SwitchSettings
from service.waiters import Waiters
from service.watchdog import Watchdog
from siprec_app.sink import ServerSink

log = structlog.get_logger("service")

_HOUSEKEEPING_EVERY = 3600.0  # s
_EXPIRE_EVERY = 600.0  # s
_OUTBOX_KEPT = 86_400.0  # s


async def run(settings: Settings, api: Callable[[Desk], Awaitable[None]]) -> None:
    """Run until SIGTERM or SIGINT. Taps that are attached then go on, and the next life takes them over.

    Args:
        api: serves the local socket until it is cancelled.

    Raises:
        Fault: the service cannot start, and says why.
    """
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        policy = RunningPolicy(settings.policy, servers=bool(settings.siprec.servers))
        kept = storage.stores(settings)
        NameTemplate.load(settings.fileformat, ZoneInfo(settings.time_zone))
        _make_folders(settings)
        for lock in _locks(settings):
            stack.enter_context(Lock(lock))
        ledger = await asyncio.to_thread(Ledger.open, settings.ledger)
        stack.callback(ledger.close)
        for switch in settings.switches.values():
            folders.prove(switch.spool)
        store = Store(ledger, settings.machine)
        stack.callback(store.close)
        await store.begin(clock.at())
        holder = wire.holder(await store.identity(), settings.socket)
        files = JournalFiles(settings.journal_path)
        stack.callback(files.stop)
        places = workers.places(settings)
        made = await asyncio.to_thread(pipeline.build, settings, kept, clock.at)
        runner = Runner(ledger, workers.make(settings, ledger, made, places, settings.jobs.workers, clock=clock.at),
                        clock=clock.at, renew_every=workers.renew_every(settings), node=places.node)
        relay = Relay(ledger, clock.at)

        def jobs_wait() -> None:
            runner.notify()
            relay.notify()

        waiters = Waiters()
        servers = await stack.enter_async_context(recording_servers.opened(settings.siprec, clock)) \
            if settings.siprec.servers else None
        disk = Disk(watched(settings), Watermarks.of(settings.disk), clock=clock,
                    stop_optional=lambda: stop_optional(drivers.values(), clock.at()))
        drivers: dict[str, Driver] = {}
        for name in settings.switches:
            sink = None if servers is None else servers.sink(
                name, _telling_driver(drivers, name), owed=isinstance(settings.switches[name], AsteriskSettings))
            drivers[name] = _driver(name, settings, holder, store, policy, files, waiters, clock, jobs_wait, disk, sink)
        await disk.look()
        reaper = Reaper(ledger, kept, places, settings.limits.expiration_days, clock=clock.at)
        notices = notices_of(settings, ledger, lambda: policy.policy.people, kept.every, clock)
        daily = Daily(ledger, places, clock, ZoneInfo(settings.time_zone))
        finished = StorageDesk(ledger, kept, buckets(settings), settings.destination_path, clock)
        desk = Desk(ledger, drivers, policy, files, waiters, places, clock, disk=disk, storage=finished,
                    jobs_wait=jobs_wait)
        log.info("phonograph runs", switches=list(drivers), ledger=settings.ledger.partition("://")[0]
                 if "://" in settings.ledger else settings.ledger)
        watchdogs = [watchdog for name, driver in drivers.items()
                     for watchdog in _watchdogs(driver, settings.switches[name], clock)]
        # What is there now stays: a full collection would look through all of it, for 100 ms, in the middle of a call.
        gc.collect()
        gc.freeze()
        await _until_stopped(policy, [
            *(driver.run() for driver in drivers.values()), *(watchdog.run() for watchdog in watchdogs), runner.run(),
            *_telling(settings, relay), *(longest.run() for longest in _longest(settings, drivers.values(), clock)),
            api(desk), disk.run(), daily.run(), _expire(reaper, clock), notices.run(),
            *([servers.health.run()] if servers is not None else []),
            _housekeeping(store, notices, clock)])
    log.info("phonograph has stopped; what is attached goes on")


async def _until_stopped(policy: RunningPolicy, work: Iterable[Awaitable[None]]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, _reload, policy)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_as_coroutine(one)) for one in work]
            await stop.wait()
            for task in tasks:
                task.cancel()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)


async def _as_coroutine(work: Awaitable[None]) -> None:
    await work


def _reload(policy: RunningPolicy) -> None:
    try:
        policy.reload()
    except Fault:
        return  # said by reload(); the running policy stays


def _make_folders(settings: Settings) -> None:
    for folder in (settings.journal_path, settings.work_path, settings.destination_path, settings.socket.parent):
        folders.make(folder)
    if "://" not in settings.ledger:
        folders.make(Path(settings.ledger).parent)
    for folder in (settings.work_path, settings.destination_path):
        folders.prove(folder)


def _locks(settings: Settings) -> list[Path]:
    """One for the socket, and one for a database that is a file."""
    locks = [settings.socket.with_name(f"{settings.socket.name}.lock")]
    if "://" not in settings.ledger:
        ledger = Path(settings.ledger)
        locks.append(ledger.with_name(f"{ledger.name}.lock"))
    return locks


def _driver(name: str, settings: Settings, holder: wire.Holder, store: Store, policy: RunningPolicy,
            files: JournalFiles, waiters: Waiters, clock: Clock, jobs: Callable[[], None], disk: Disk,
            sink: ServerSink | None) -> Driver:
    own = settings.switches[name]
    limits = replace(wire.limits(own, settings.pause.confirm_within), carried_within=settings.siprec.carried_within,
                     mixed_for_servers=settings.siprec.streams == "mixed", servers=tuple(settings.siprec.servers))
    return Driver(wire.switch(name, own, holder), Engine(name, limits), store,
                  policy=lambda: policy.policy, journal=Journal(files, name, limits, clock.at()), waiters=waiters,
                  clock=clock, jobs=jobs, adopt=_adopting(name, own, clock), scarce=lambda: disk.nearly_full,
                  servers=sink)


def _telling_driver(drivers: Mapping[str, Driver], name: str) -> Callable[[SessionIs | Silenced], None]:
    return lambda event: drivers[name].tell(event)


def _adopting(name: str, own: SwitchSettings, clock: Clock) -> Callable[[Adopt], Awaitable[Adopted]] | None:
    monitor = own.audio_path if isinstance(own, AsteriskSettings) else None
    seams = Seams()
    return None if monitor is None else lambda effect: adopt(effect, name, monitor, own.spool, clock, seams)


def _watchdogs(driver: Driver, own: SwitchSettings, clock: Clock) -> tuple[Watchdog | Hearing, ...]:
    limits = wire.limits(own, Limits().confirm_within)
    watchdog = Watchdog(driver.name, own.spool, calls=driver.calls, tell=driver.tell, clock=clock, limits=limits)
    if not isinstance(own, AsteriskSettings):
        return (watchdog,)
    return watchdog, Hearing(driver.name, own.spool, calls=driver.calls, packets=driver.packets, tell=driver.tell,
                             clock=clock, after=limits.unheard_after)


def _telling(settings: Settings, relay: Relay) -> list[Awaitable[None]]:
    """What tells the queue of jobs, where there is one."""
    if settings.rabbitmq is None:
        return []
    return [keep_connected(workers.queue_address(settings.rabbitmq), workers.queue_names(settings), relay.run)]


def _longest(settings: Settings, drivers: Iterable[Driver], clock: Clock) -> list[Longest]:
    limits = settings.limits
    return [] if limits.maximum_duration is None else [
        Longest(driver.name, limits.maximum_duration, limits.maximum_duration_sound, calls=driver.calls, ask=driver.ask,
                clock=clock) for driver in drivers]


async def _expire(reaper: Reaper, clock: Clock) -> None:
    """What has expired is deleted, at the start and again and again."""
    while True:
        try:
            await asyncio.to_thread(reaper.turn)
        except asyncio.CancelledError:
            reaper.stop()
            raise
        except LedgerFault as fault:
            log.warning("what has expired could not be deleted", cause=fault.message)
        await clock.wait(asyncio.Event(), _EXPIRE_EVERY)


async def _housekeeping(store: Store, notices: Notices, clock: Clock) -> None:
    """Neither the outbox nor what was told grows for ever."""
    while True:
        try:
            await store.forget(clock.at() - _OUTBOX_KEPT)
            await notices.forget()
        except LedgerFault as fault:
            log.warning("old effects and notices could not be taken away", cause=fault.message)
        await clock.wait(asyncio.Event(), _HOUSEKEEPING_EVERY)
