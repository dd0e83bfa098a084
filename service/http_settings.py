"""The settings of the HTTP server that other machines reach."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from service.setting_types import ADDRESS, Section


class HttpSettings(Section):
    """An HTTP server for `/health`, `/metrics` and the events of stores. Off unless it is told where to listen."""

    listen: str | None = Field(default=None, pattern=ADDRESS,
                               description="The address and the port, such as `127.0.0.1:8090`. Without it, nobody "
                                           "listens. It speaks plain HTTP: for other machines put a proxy with TLS "
                                           "before it.")
    storage_token_file: Path | None = Field(
        default=None, description="A file whose first line is the bearer token of the stores' events. Without it, they "
                                  "are refused.")
