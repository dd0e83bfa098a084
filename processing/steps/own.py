"""A step of the administrator's own: any installed package may offer one under the entry point ``phonograph.steps``.

What the entry point names is called with the options of the settings, and gives an object with ``run(context)``, which
returns what the ledger is to keep: a mapping of JSON values. It runs when the recording is stored; with an attribute
``local = False`` it needs no file of this machine, and may run on another one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, Protocol

import structlog

from faults import Fault, OwnStepFailed, StepUnusable
from processing.step import Context, Facts

log = structlog.get_logger("jobs")

GROUP = "phonograph.steps"


class Work(Protocol):
    """What an entry point gives."""

    def run(self, context: Context) -> Facts:
        """Do it; again does no harm."""


class Own:
    """A step that is not ours, under the name that it has in the settings. What it raises is a fault of its own."""

    lasting = True

    def __init__(self, name: str, work: Work) -> None:
        self.name = name
        self.local = bool(getattr(work, "local", True))
        self._work = work

    @classmethod
    def load(cls, name: str, use: str, options: Mapping[str, Any]) -> Own:
        """Find the step among the installed packages, and make it.

        Args:
            name: of the step, in the settings and in the ledger.
            use: the name of the entry point.

        Raises:
            StepUnusable: there is none of that name or there are two, or it cannot be imported or made.
        """
        found = tuple(entry_points(group=GROUP, name=use))
        if len(found) != 1:
            raise StepUnusable(f"{len(found) or 'No'} installed package{'s' if len(found) > 1 else ''} offer"
                               f"{'' if len(found) > 1 else 's'} the step {use} under {GROUP}.", step=name)
        try:
            make = found[0].load()
        except (Exception, SystemExit) as error:
            raise StepUnusable(f"The step {use} cannot be imported: {type(error).__name__}: {error}",
                               step=name) from error
        try:
            work = make(options)
        except (Exception, SystemExit) as error:  # its words could hold an option that is a password
            raise StepUnusable(f"The step {use} refuses its options: {type(error).__name__}.", step=name) from error
        if not callable(getattr(work, "run", None)):
            raise StepUnusable(f"What {use} gives has no run(context).", step=name)
        return cls(name, work)

    def run(self, context: Context) -> Facts:
        """Run it.

        Raises:
            OwnStepFailed: it raised, or what it gave back is no mapping of JSON values.
        """
        try:
            facts = self._work.run(context)
        except Fault:
            raise
        except (Exception, SystemExit) as error:
            log.exception("a step of the settings broke", step=self.name, recording=context.recording.id)
            raise OwnStepFailed(f"The step {self.name} raised {type(error).__name__}.", step=self.name) from error
        try:
            kept: Facts = json.loads(json.dumps(dict(facts)))
        except (TypeError, ValueError) as error:
            raise OwnStepFailed(f"The step {self.name} gave back no mapping of JSON values.", step=self.name) from error
        return kept
