"""The steps of a job, in their order."""

from __future__ import annotations

from processing.names import NameTemplate
from processing.step import Step
from processing.steps.compose import Compose
from processing.steps.erase import Erase
from processing.steps.manifest import Manifest
from processing.steps.name import Name
from processing.steps.publish import Publish
from processing.steps.verify import Verify


def in_order(template: NameTemplate) -> tuple[Step, ...]:
    """All steps, in the order in which they run."""
    return Erase(), Verify(), Compose(), Name(template), Publish(), Manifest()
