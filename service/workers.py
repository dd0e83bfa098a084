"""The workers that finish recordings, made from the settings: in the service, and in `phonograph worker`."""

from __future__ import annotations

from collections.abc import Callable
from random import SystemRandom

from yarl import URL

from ledger import Ledger
from processing.amqp import Address, Names
from processing.step import Places
from processing.tasks import folders_of_tasks
from processing.worker import Rules, Worker
from service.pipeline import Pipeline
from service.queue_settings import RabbitSettings
from service.secret_files import first_line
from service.settings import Settings


def places(settings: Settings) -> Places:
    """The folders of this machine."""
    spools = {name: switch.spool for name, switch in settings.switches.items()}
    return Places(spools={**spools, **folders_of_tasks(settings.recordings_path, settings.audio_path)},
                  work=settings.work_path, destination=settings.destination_path, node=settings.machine)


def make(settings: Settings, ledger: Ledger, made: Pipeline, where: Places, number: int, *,
         clock: Callable[[], float]) -> list[Worker]:
    """Workers, each with a name that no other has or had."""
    random = SystemRandom()
    life = f"{random.getrandbits(32):08x}"
    rules = Rules(attempts=settings.jobs.attempts, lease=settings.jobs.lease)
    return [Worker(ledger, made.steps, made.clean, where, rules, owner=f"{life}-{each}", clock=clock,
                   jitter=random.random) for each in range(number)]


def renew_every(settings: Settings) -> float:
    """How often the workers' leases are renewed (seconds)."""
    return settings.jobs.lease / 3


def queue_names(settings: Settings) -> Names:
    """The documented queues."""
    return Names(processing=settings.processing_queue, processed=settings.processed_queue,
                 failure=settings.failure_queue)


def queue_address(settings: RabbitSettings) -> Address:
    """Where RabbitMQ is, with the password.

    Raises:
        SettingsInvalid: its file cannot be read.
    """
    url = URL.build(scheme="amqps" if settings.tls else "amqp", user=settings.user, host=settings.host,
                    password=first_line(settings.password_file, "rabbitmq.password_file"), port=settings.port)
    # A virtual host named "/" is an empty path; any other is one segment, whatever is in it.
    named = url if settings.virtual_host == "/" else url / settings.virtual_host
    return Address(url=named, ca_file=settings.ca_file)
