"""Asking the running service."""

from __future__ import annotations

from faults.base import Blame, Fault


class ServiceFault(Fault):
    """Asking the running service."""

    id = "service"
    blame = Blame.OPERATOR
    recording = "Not touched."


class ServiceNotRunning(ServiceFault):
    """Nobody listens on the service's local socket."""

    id = "service.not-running"
    remedy = "Start it with `phonograph run -c FILE`, or name its configuration with -c."


class AlreadyRunning(ServiceFault):
    """Another service works on the same ledger or socket."""

    id = "service.already-running"
    remedy = "Stop the other one first, or give this one its own ledger and socket."


class NotFound(ServiceFault):
    """No call, recording or job has that id."""

    id = "service.not-found"
    remedy = "`phonograph calls` and `phonograph recordings list` show the ids."


class JournalInvalid(ServiceFault):
    """A journal file cannot be read."""

    id = "service.journal"
    remedy = "Give a file that `phonograph run` wrote into its journal folder."
