"""The policy that decides now, and how it is loaded again: one that does not parse changes nothing."""

from __future__ import annotations

from pathlib import Path

import structlog

from faults import PolicyInvalid
from policy.load import parse
from policy.types import Policy
from service.setting_types import known_zone

log = structlog.get_logger("policy")


def read(path: Path, *, servers: bool) -> Policy:
    """Read the policy file.

    Args:
        servers: whether there are recording servers.

    Raises:
        PolicyInvalid: it cannot be read, or is wrong, or names a recording server where there is none; with file, line
            and key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise PolicyInvalid(f"The policy file {path} cannot be read: {why}.", file=str(path)) from error
    policy = parse(text, str(path))
    for user, person in policy.people.items():
        if person.time_zone is not None and not known_zone(person.time_zone):
            key = f"people.{user}.timeZone"
            raise PolicyInvalid(f"{path}: {key}: {person.time_zone} is not an IANA time zone that this machine knows",
                                file=str(path), key=key)
    if policy.needs_server and not servers:
        raise PolicyInvalid(f"{path}: recordingTarget names a recording server, and the settings have none "
                            "(`siprec.servers`)", file=str(path), key="recordingTarget")
    return policy


class RunningPolicy:
    """The policy that runs.

    Args:
        path: its file, read at once. servers: as for :func:`read`.

    Raises:
        PolicyInvalid: as :func:`read`.
    """

    def __init__(self, path: Path, *, servers: bool = False) -> None:
        self._path = path
        self._servers = servers
        self.policy = read(path, servers=servers)

    def reload(self) -> None:
        """Read the file again; calls that are decided from now on are decided by it.

        Raises:
            PolicyInvalid: as :func:`read`; the policy that ran goes on running.
        """
        try:
            self.policy = read(self._path, servers=self._servers)
        except PolicyInvalid as fault:
            log.error("policy not loaded, the running one stays", problems=fault.message, fault=fault.id)
            raise
        log.info("policy loaded", file=str(self._path))
