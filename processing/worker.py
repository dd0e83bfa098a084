"""One worker: claims a job, runs its steps in order, commits what they find, ends the recording, and cleans up."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import structlog
from sqlalchemy import Connection

from faults import Fault, LeaseLost, LedgerFault, StepFailed, StorageRefused
from ledger import Ledger, artefacts, jobs, recordings
from ledger.jobs import Job
from processing import lacking
from processing.document import shortcomings
from processing.made import forgotten, result
from processing.resume import stage_of
from processing.step import Checkpoint, Context, Facts, Places, Step
from processing.steps.clean import Clean
from processing.stores import LOCAL
from recorder.model import Recording
from recorder.states import RecordingInput

log = structlog.get_logger("jobs")

# What a job comes to after its last step: the end of the recording. Only what cleans up comes later.
_END = "end"
RETRY_FIRST_S = 2.0
RETRY_LONGEST_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How jobs are tried: ``attempts`` of a step before the job is given up; a lease of ``lease`` seconds."""

    attempts: int = 5
    lease: float = 60.0


class Worker:
    """Works on one job at a time. ``work_once`` is called in one thread; ``renew`` and ``stop`` in any.

    Args:
        steps: in their order.
        clean: what comes after the recording's end.
        owner: a name that no other worker has or had, and that can name a folder.
        clock: seconds since the Unix epoch (UTC).
        jitter: numbers from 0 to 1, so that jobs that failed together do not come back together.
        checkpoint: called with a name after every commit and every effect on a disk.
    """

    def __init__(self, ledger: Ledger, steps: Sequence[Step], clean: Clean, places: Places, rules: Rules, *,
                 owner: str, clock: Callable[[], float], jitter: Callable[[], float],
                 checkpoint: Checkpoint = lambda _: None) -> None:
        self._ledger = ledger
        self._steps = {step.name: step for step in steps}
        self._stages = [*self._steps, _END, clean.name]
        self._clean = clean
        self._places = places
        self._rules = rules
        self._owner = owner
        self._clock = clock
        self._jitter = jitter
        self._checkpoint = checkpoint
        self._held: Job | None = None
        self._stopped = threading.Event()

    def work_once(self) -> bool:
        """Take the next job that is due and bring it to an end, or as far as it goes.

        Returns:
            Whether there was one.

        Raises:
            LedgerFault: the ledger cannot be used; what was being done is done again when the lease is out.
        """
        return self._turn(lambda connection: jobs.claim(
            connection, self._owner, self._clock(), self._rules.lease, self._places.node))

    def work_on(self, recording: str) -> bool:
        """As :meth:`work_once`, with the job of that recording; False if it is over, not due, or somebody's."""
        return self._turn(lambda connection: jobs.claim_one(
            connection, recording, self._owner, self._clock(), self._rules.lease, self._places.node))

    def _turn(self, claim: Callable[[Connection], Job | None]) -> bool:
        with self._ledger.transaction() as connection:
            job = claim(connection)
            if job is not None and not self._over(job):
                recordings.move(connection, job.recording, RecordingInput.PROCESS, self._clock())
        if job is None:
            return False
        self._held = job
        self._checkpoint("claimed")
        try:
            self._work(job)
        except LeaseLost:
            log.warning("another worker has taken the job over", recording=job.recording)
            shutil.rmtree(self._folder(job), ignore_errors=True)
        finally:
            self._held = None
        return True

    def renew(self) -> None:
        """Hold on to the job that is worked on, if any.

        Raises:
            LedgerFault: the ledger cannot be used.
        """
        job = self._held
        if job is None:
            return
        try:
            with self._ledger.transaction() as connection:
                jobs.renew(connection, job, self._clock(), self._rules.lease)
        except LeaseLost:
            # It was finished just now, or really lost: the work itself finds out at its next commit.
            return

    def stop(self) -> None:
        """Let go of the job after the step that runs; another worker, or the next start, goes on."""
        self._stopped.set()

    def _work(self, job: Job) -> None:
        try:
            if job.attempts > self._rules.attempts:
                raise StepFailed("The worker died at this step each time.", step=job.step or self._stages[0])
            self._run(job)
        except LedgerFault:
            raise
        except LeaseLost:
            raise
        except Fault as fault:
            self._failed(fault)
        except OSError as error:
            self._failed(StorageRefused(f"The disk refused: {error.strerror}.", file=error.filename))
        except Exception as error:
            log.exception("a step broke", recording=job.recording)
            self._failed(StepFailed(f"{type(error).__name__} in a step."))

    def _run(self, job: Job) -> None:
        """Run the steps that are left, and end the job; or, stopped, let go of it between two steps."""
        with self._ledger.reading() as connection:
            kept = recordings.get(connection, job.recording)
        stages = self._stages
        stage = stage_of(job, stages)
        found = job.facts if stage != stages[0] else {name: facts for name, facts in job.facts.items()
                                                      if name in self._steps}
        for number in range(stages.index(stage), len(self._steps)):
            if self._stopped.is_set() or not self._runs_here(job):
                self._let_go(job)
                return
            name, then = stages[number:number + 2]
            facts = self._steps[name].run(self._context(job, kept, found, name))
            found = {**found, name: facts}
            self._checkpoint(f"{name}: ran")
            if self._steps[name].lasting:
                job = self._advance(job, found, then)
                self._checkpoint(f"{name}: committed")
        if not self._over(job):
            finished = self._finish(job, kept.recording, found)
            if finished is None:
                return
            job = finished
        if self._stopped.is_set() or not self._runs_here(job):
            self._let_go(job)
            return
        self._clean.run(self._context(job, kept, job.facts, self._clean.name))
        with self._ledger.transaction() as connection:
            jobs.done(connection, job)
        self._checkpoint("cleaned")

    def _runs_here(self, job: Job) -> bool:
        """Whether this machine may do what comes next: it has the files, or they are not needed."""
        return job.anywhere or job.node is None or self._places.node in (None, job.node)

    def _over(self, job: Job) -> bool:
        """Whether the recording is finished, and only what cleans up is left."""
        return job.step == self._clean.name

    def _context(self, job: Job, kept: recordings.Kept, facts: dict[str, Facts], step: str) -> Context:
        return Context(call=kept.call, recording=kept.recording, facts=facts, places=self._places,
                       folder=self._folder(job), checkpoint=self._within(step))

    def _let_go(self, job: Job) -> None:
        with self._ledger.transaction() as connection:
            jobs.release(connection, job, self._clock())

    def _advance(self, job: Job, found: dict[str, Facts], then: str) -> Job:
        with self._ledger.transaction() as connection:
            job = jobs.advance(connection, job, found, then, self._clock(), self._rules.lease,
                               anywhere=self._anywhere(found, then))
        self._held = job
        return job

    def _anywhere(self, found: dict[str, Facts], stage: str) -> bool:
        """Whether any machine may do that stage: it needs no local file, and what is stored can be read from there."""
        stored = found.get("store")
        if stored is None or stored["store"] == LOCAL:
            return False
        return stage == _END or not getattr(self._steps.get(stage), "local", True)

    def _folder(self, job: Job) -> Path:
        return self._places.work / job.recording / self._owner

    def _within(self, step: str) -> Checkpoint:
        return lambda what: self._checkpoint(f"{step}: {what}")

    def _finish(self, job: Job, recording: Recording, found: dict[str, Facts]) -> Job | None:
        """The final state and its notice, in one transaction.

        Returns:
            The job; None if its last step has to wait: for its time, or, where a recorded file is not what it should
            be, for somebody who has looked at it.
        """
        reasons = shortcomings(recording, found)
        wait = self._clean.delay(found)
        wrong = lacking.fault(found) if reasons else None
        with self._ledger.transaction() as connection:
            now = self._clock()
            # The job's row first, as when it is claimed: two that lock both in turns would wait for each other.
            job = jobs.advance(connection, job, forgotten(found), self._clean.name, now, self._rules.lease)
            recordings.finish(connection, job.recording, RecordingInput.SHORT if reasons else RecordingInput.GOOD,
                              now, result=result(found, reasons))
            _note(connection, job.recording, found, now)
            if wrong is not None:
                jobs.give_up(connection, job, wrong)
            elif wait:
                jobs.put_off(connection, job, now + wait)
        self._held = None if wrong is not None or wait else job
        self._checkpoint("finished")
        if wrong is not None:
            log.warning("a recorded file is not what it should be", recording=job.recording, fault=wrong.id,
                        message=wrong.message)
        log.info("recording finished", recording=job.recording, state="incomplete" if reasons else "ready")
        return self._held

    def _failed(self, fault: Fault) -> None:
        """Try again later, or put the job on the failed list. The recorded files stay as they are."""
        job = self._held
        if job is None:
            return
        last = job.attempts >= self._rules.attempts
        with self._ledger.transaction() as connection:
            if last:
                jobs.give_up(connection, job, fault)
                if not self._over(job):
                    now = self._clock()
                    recordings.finish(connection, job.recording, RecordingInput.GIVE_UP, now,
                                      result=result(job.facts, []) if "store" in job.facts else None)
                    _note(connection, job.recording, job.facts, now)
            else:
                jobs.retry(connection, job, fault, self._clock() + self._pause(job.attempts))
        self._checkpoint("failed")
        log.warning("a step failed", recording=job.recording, fault=fault.id, message=fault.message, given_up=last)

    def _pause(self, attempts: int) -> float:
        """Seconds until the next attempt: doubled each time, then somewhere in its second half."""
        longest = min(RETRY_LONGEST_S, RETRY_FIRST_S * 2.0 ** (attempts - 1))
        return longest * (0.5 + 0.5 * self._jitter())


def _note(connection: Connection, recording: str, facts: dict[str, Facts], now: float) -> None:
    """Where the files are, if they are stored."""
    if "store" in facts:
        stored = cast(dict[str, Any], facts["store"])
        artefacts.keep(connection, recording, stored["store"], stored["files"], now)
