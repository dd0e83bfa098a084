"""The message queue, and what came through it."""

from __future__ import annotations

from faults.base import Blame, Fault


class QueueFault(Fault):
    """The message queue, and what came through it."""

    id = "queue"
    blame = Blame.ADMINISTRATOR
    recording = "Nothing was begun, and no file was touched."
    remedy = "Correct the task and send it again; docs/queues.md has its form."


class QueueUnreachable(QueueFault):
    """RabbitMQ cannot be reached, or refuses us."""

    id = "queue.unreachable"
    blame = Blame.NETWORK
    recording = "Jobs wait in the ledger; nothing is lost."
    remedy = "Check that RabbitMQ runs, and the settings' section `rabbitmq`; the connection is tried again by itself."


class TaskInvalid(QueueFault):
    """A message is no task: it is not JSON, or not of the form that docs/queues.md describes."""

    id = "queue.task-invalid"


class TaskFileUnusable(QueueFault):
    """A task names a file that is not there, not audio, or not below the folders for such files."""

    id = "queue.task-file"
    remedy = "Put it below `recordings_path` or `audio_path`, where the worker can read it, and send the task again."


class TaskConflict(QueueFault):
    """A recording of that uuid exists, and it is another one."""

    id = "queue.task-conflict"
    recording = "The recording that has this uuid is not touched."
    remedy = "Give each recording a uuid of its own."
