"""What ``phonograph check`` says of the queue."""

from __future__ import annotations

from faults import Fault
from processing.amqp import probe
from service import workers
from service.findings import Finding, bad, well
from service.queue_settings import RabbitSettings


async def examine(settings: RabbitSettings) -> Finding:
    """Sign in and out again; no queue is made."""
    try:
        await probe(workers.queue_address(settings))
    except Fault as fault:
        return bad("rabbitmq", fault)
    return well("rabbitmq", f"{settings.host} lets us in")
