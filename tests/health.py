"""What a service says of itself: faults in its log, whether it has its switch, or stands by for another service."""

import json

from tests.phonograph import Json, Phonograph

__all__ = ["faults", "is_up", "said_faults", "stands_by"]


def faults(service: Phonograph) -> list[str]:
    """The ids of all faults in its log, in order."""
    return [str(line["fault"]) for line in _log(service) if line.get("fault")]


def said_faults(service: Phonograph, fault: str) -> list[Json]:
    """The log's lines about a fault."""
    return [line for line in _log(service) if line.get("fault") == fault]


async def stands_by(service: Phonograph) -> None:
    """Until it has said that another service has its switch, and nothing else."""
    async def does() -> bool:
        return service.socket.exists() and faults(service) == ["switch.taken"]

    await service.until(does, "does not stand by")


async def is_up(service: Phonograph, *, within: float) -> None:
    """Until it has its switch, or has it again."""
    async def up() -> bool:
        return bool((await service.get("/health"))["switches"]["main"]["up"])

    await service.until(up, "did not take over", within=within)


def _log(service: Phonograph) -> list[Json]:
    return [json.loads(line) for line in (service.folder / "phonograph.log").read_text().splitlines()]
