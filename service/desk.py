"""What can be asked of the running service; console/api.py gives it an address."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, select

from faults import NotFound, RequestRefused
from ledger import Ledger, artefacts, calls, jobs, recordings, tables
from ledger.calls import CallFilter
from ledger.jobs import JobState
from ledger.recordings import RecordingFilter
from processing.step import Places
from recorder.effects import Reply
from recorder.events import ActorKind, Asked, Verb
from recorder.model import Call, Then
from service import views
from service.clock import Clock
from service.disk import Disk, State, may_start
from service.driver import Driver
from service.expected import expected
from service.figures import Figures, Look
from service.journal_files import Entry, JournalFiles, read
from service.mend import mend as mended
from service.notice_desk import NoticeDesk
from service.reconcile import reconcile
from service.running import running
from service.running_policy import RunningPolicy
from service.storage_desk import StorageDesk
from service.views import View
from service.waiters import Waiters

T = TypeVar("T")

log = structlog.get_logger("desk")

_ANSWER_WITHIN = 10.0  # s


class Desk:
    """Questions and requests, from whoever may use the local socket.

    Attributes:
        storage: what is asked about finished files.
        notices: what is asked about who was told.
    """

    def __init__(self, ledger: Ledger, drivers: Mapping[str, Driver], policy: RunningPolicy, files: JournalFiles,
                 waiters: Waiters, places: Places, clock: Clock, *, disk: Disk, storage: StorageDesk,
                 jobs_wait: Callable[[], None]) -> None:
        self.storage = storage
        self.notices = NoticeDesk(ledger, clock)
        self._ledger = ledger
        self._drivers = drivers
        self._policy = policy
        self._files = files
        self._waiters = waiters
        self._places = places
        self._clock = clock
        self._disk = disk
        self._jobs_wait = jobs_wait
        self._look = Look(drivers)

    def health(self) -> dict[str, Any]:
        """How the service and its switches are; ``well`` is false when something needs a person."""
        switches = {}
        for name, driver in self._drivers.items():
            health = driver.health()
            switches[name] = {"up": health.up, "calls": health.calls, "waiting": health.waiting,
                              "unwritten": health.unwritten, "ledger": health.ledger}
        well = all(switch["up"] and switch["ledger"] for switch in switches.values())
        disk = self._disk.health()
        return {"well": well and disk["state"] == State.WELL, "switches": switches, "disk": disk}

    async def figures(self) -> Figures:
        """The figures of now, for whoever watches."""
        switches = self._look.switches()
        return await self._reading(lambda connection: self._look.take(connection, switches))

    def running(self) -> list[View]:
        """What is being recorded at this moment, oldest first."""
        return running(call for driver in self._drivers.values() for call in driver.calls())

    async def calls(self, wanted: CallFilter, *, limit: int, after: str | None) -> list[View]:
        """Calls, newest first.

        Raises:
            NotFound: ``after`` is no call. LedgerUnavailable, as everywhere here.
        """
        def work(connection: Connection) -> list[View]:
            return self._shown(connection, calls.listing(connection, wanted, limit=limit, after=after))

        return await self._reading(work)

    async def call(self, call_id: str) -> View:
        """One call.

        Raises:
            NotFound: there is none of that id.
        """
        return (await self._reading(lambda connection: self._shown(connection, [calls.load(connection, call_id)])))[0]

    async def journal(self, call_id: str) -> list[Entry]:
        """The entries of a call's journal.

        Raises:
            NotFound: the call has none, or its time is over.
            JournalInvalid: it cannot be read.
        """
        await self.call(call_id)

        def work() -> list[Entry]:
            self._files.flushed()
            path = self._files.path(call_id)
            if not path.exists():
                raise NotFound("That call has no journal, or it is too old and was taken away.", call=call_id)
            return read(path)

        return await asyncio.to_thread(work)

    async def recordings(self, wanted: RecordingFilter, *, limit: int, after: str | None) -> list[View]:
        """Recordings, newest first.

        Raises:
            NotFound: ``after`` is no recording.
        """
        return await self._reading(lambda connection: [
            views.kept(kept, self._places.destination)
            for kept in recordings.listing(connection, wanted, limit=limit, after=after)])

    async def recording(self, recording_id: str) -> View:
        """One recording, with its history and its job.

        Raises:
            NotFound: there is none of that id.
        """
        def work(connection: Connection) -> View:
            kept = recordings.get(connection, recording_id)
            history = [{"state": state.value, "at": at} for state, at in recordings.history(connection, recording_id)]
            try:
                job: View | None = views.job(jobs.get(connection, recording_id))
            except NotFound:
                job = None
            files = [self.storage.view(one) for one in artefacts.of(connection, recording_id)]
            return {**views.kept(kept, self._places.destination), "artefacts": files, "history": history, "job": job}

        return await self._reading(work)

    async def jobs(self, state: JobState | None, *, fault: str | None, limit: int) -> dict[str, Any]:
        """The jobs in a state (None: all that are not done), and how many there are in each.

        Args:
            fault: the id of the last fault; None for any.
        """
        return await self._reading(lambda connection: {
            "jobs": [views.job(one) for one in jobs.listing(connection, state, fault=fault, limit=limit)],
            "counts": {each.value: number for each, number in jobs.counts(connection).items()}})

    async def job(self, recording_id: str) -> View:
        """The job of a recording.

        Raises:
            NotFound: it has none.
        """
        return await self._reading(lambda connection: views.job(jobs.get(connection, recording_id)))

    async def retry(self, recording_id: str) -> None:
        """Take a recording's job off the failed list and begin it again.

        Raises:
            NotFound: no failed job has that recording.
        """
        def work() -> None:
            with self._ledger.transaction() as connection:
                jobs.retry_failed(connection, recording_id, self._clock.at())

        await asyncio.to_thread(work)
        self._jobs_wait()

    async def reconcile(self, *, since: float, until: float, mend: bool) -> dict[str, Any]:
        """What should be there against what is, for calls that began in that time: numbers, what is not as it should
        be, and what was mended if that was asked for."""
        def work() -> dict[str, Any]:
            with self._ledger.reading() as connection:
                numbers = expected(connection, since=since, until=until)
                found = reconcile(connection, self._places, since=since, until=until)
            found += self.storage.examine(since=since, until=until)
            done = [said for one in found if mend
                    and (said := mended(self._ledger, self._places, one, self._clock.at()))]
            for said in done:
                log.info("mended", what=said)
            return {"expected": numbers, "discrepancies": [one.as_dict() for one in found], "mended": done}

        answer = await asyncio.to_thread(work)
        self._jobs_wait()
        return answer

    async def reload_policy(self) -> None:
        """Load the policy file again.

        Raises:
            PolicyInvalid: it is wrong; the running one stays.
        """
        await asyncio.to_thread(self._policy.reload)

    async def ask(self, target: str, verb: Verb, *, owner: str, reason: str, longest: float | None = None,
                  then: Then = Then.RESUME, server: str = "") -> Reply:
        """Start, stop, pause or resume, as an operator.

        Args:
            target: a call's id, or the name or id of a leg that is there.
            longest, then, server: as in ``Asked``.

        Raises:
            NotFound: no call that goes on has that id, and none a leg of that name.
            PauseUnconfirmed: no answer came in time.
            RequestRefused: legs of two switches have that name; or an optional recording cannot start, because a disk
                is nearly full.
        """
        found = [(driver, call) for driver in self._drivers.values() for call in driver.calls() if _means(call, target)]
        if not found:
            raise NotFound("No call that goes on has that id, and none a channel of that name.", call=target)
        if len({driver.name for driver, _ in found}) > 1:
            raise RequestRefused("Channels of two switches have that name: give the call's id.", call=target)
        if verb is Verb.START and self._disk.nearly_full:
            for _, call in found:
                may_start(call)
        driver = found[0][0]
        request = str(uuid.uuid4())
        self._waiters.expect(request)
        driver.ask(Asked(switch=driver.name, at=self._clock.at(), request=request, verb=verb, target=target,
                         actor=ActorKind.OPERATOR, owner=owner, reason=reason, longest=longest, then=then,
                         server=server))
        return await self._waiters.reply(request, _ANSWER_WITHIN)

    def _shown(self, connection: Connection, found: Sequence[Call]) -> list[View]:
        made = [recording.id for call in found for recording in call.recordings]
        table = tables.recordings.c
        results = {row.id: row.result for row in connection.execute(
            select(table.id, table.result).where(table.id.in_(made)))}
        return [views.call(call, results, self._places.destination) for call in found]

    async def _reading(self, work: Callable[[Connection], T]) -> T:
        def whole() -> T:
            with self._ledger.reading() as connection:
                return work(connection)

        return await asyncio.to_thread(whole)


def _means(call: Call, target: str) -> bool:
    """Whether a call is named by its own id, or by a leg of it that has not gone."""
    return call.id == target or any(leg.gone is None and target in (leg.id, leg.name) for leg in call.legs)
