"""The workers that finish recordings, made from the settings: in the service, and in `phonograph worker`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import SystemRandom
from zoneinfo import ZoneInfo

from yarl import URL

from faults import SettingsInvalid
from ledger import Ledger
from processing import steps
from processing.amqp import Address, Names
from processing.names import NameTemplate
from processing.step import Places
from processing.steps.clean import Clean
from processing.stores.local import LocalStore
from processing.tasks import folders_of_tasks
from processing.worker import Rules, Worker
from service.queue_settings import RabbitSettings
from service.settings import Settings


def places(settings: Settings) -> Places:
    """The folders of this machine."""
    spools = {name: switch.spool for name, switch in settings.switches.items()}
    return Places(spools={**spools, **folders_of_tasks(settings.recordings_path, settings.audio_path)},
                  work=settings.work_path, destination=settings.destination_path, node=settings.machine)


def make(settings: Settings, ledger: Ledger, where: Places, number: int, *,
         clock: Callable[[], float]) -> list[Worker]:
    """Workers, each with a name that no other has or had.

    Raises:
        NameTemplateInvalid: of the settings.
    """
    random = SystemRandom()
    life = f"{random.getrandbits(32):08x}"
    rules = Rules(attempts=settings.jobs.attempts, lease=settings.jobs.lease)
    names = NameTemplate.load(settings.fileformat, ZoneInfo(settings.time_zone))
    store = LocalStore(settings.destination_path)
    return [Worker(ledger, steps.in_order(names, store), Clean(store), where, rules, owner=f"{life}-{each}",
                   clock=clock, jitter=random.random) for each in range(number)]


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
                    password=_first_line(settings.password_file), port=settings.port)
    # A virtual host named "/" is an empty path; any other is one segment, whatever is in it.
    named = url if settings.virtual_host == "/" else url / settings.virtual_host
    return Address(url=named, ca_file=settings.ca_file)


def _first_line(file: Path) -> str:
    try:
        first = file.read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsInvalid(f"The password file {file} cannot be read: {why}.", file=str(file),
                              key="rabbitmq.password_file") from error
    return first
