"""boto3's client for one S3 server: who we are there, and how long we wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

_ATTEMPTS = 2
_CONNECT_LONGEST_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """An S3 server.

    Attributes:
        endpoint: its URL; empty: Amazon's own for the region.
        access_key, secret_key: None for both: boto3 looks in the environment, in ``~/.aws`` and asks the machine.
        path_style: whether the bucket stands in the path of the URL and not in its host's name.
        connections: how many may be open at once.
    """

    endpoint: str
    region: str
    access_key: str | None
    secret_key: str | None
    path_style: bool
    timeout: float
    connections: int = 10

    def __repr__(self) -> str:
        return f"Server({self.endpoint or self.region})"


def client(server: Server) -> Any:
    """A client; nothing is asked yet. An operation is tried twice, and neither may be silent for ``timeout``."""
    return boto3.session.Session().client(
        "s3", endpoint_url=server.endpoint or None, region_name=server.region, aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=Config(
            s3={"addressing_style": "path" if server.path_style else "auto"}, signature_version="s3v4",
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            connect_timeout=min(server.timeout, _CONNECT_LONGEST_S), read_timeout=server.timeout,
            max_pool_connections=server.connections, tcp_keepalive=True,
            # Each upload has a checksum of ours; servers older than Amazon's own default break on that.
            request_checksum_calculation="when_required", response_checksum_validation="when_required"))
