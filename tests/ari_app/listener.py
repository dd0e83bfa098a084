"""A listener for tests of the connection."""

from __future__ import annotations

from ari_app.generated.events import ChannelStateChange, ChannelVarset, Event
from ari_app.generated.models import AsteriskInfo
from tests.connecting import Notes


class Listener(Notes):
    """Notes what it is told, and lets a test wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.infos: list[AsteriskInfo] = []

    def reached(self, info: AsteriskInfo) -> None:
        self.infos.append(info)

    async def received(self, event: Event) -> None:
        match event:
            case ChannelStateChange():
                name = event.channel.id
            case ChannelVarset():
                name = event.variable
            case _:
                name = type(event).__name__
        await self.heard(name)
