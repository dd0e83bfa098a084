"""Step ``name``: what the finished files are called."""

from __future__ import annotations

from processing.names import NameTemplate
from processing.step import Context, Facts


class Name:
    """Facts: ``base``, the path below the destination without a suffix. It is settled once, whatever comes later."""

    name = "name"
    lasting = True  # no file may be published under a name that could become another one

    def __init__(self, template: NameTemplate) -> None:
        self._template = template

    def run(self, context: Context) -> Facts:
        """Fill the template in, unless that was done before the job was taken off the failed list."""
        if self.name in context.facts:
            return context.facts[self.name]
        recording = context.recording
        at = recording.started if recording.started is not None else recording.created
        bridge = context.call.conference or context.call.bridge
        return {"base": self._template.render(at=at, uuid=recording.id, confbridgeid=bridge)}
