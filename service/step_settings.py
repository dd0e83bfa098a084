"""The settings of the administrator's own steps: each is an installed package's, or a program."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field, field_validator, model_validator

from service.setting_types import Number, Section

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_OURS = frozenset({"erase", "verify", "compose", "name", "encrypt", "manifest", "store", "publish", "end", "clean"})


class OwnStepSettings(Section):
    """One step of your own, in the order of the file ([how it is run](processing.md#steps-of-your-own))."""

    use: str | None = Field(default=None, min_length=1,
                            description="The name by which an installed package offers it. Or `command`.")
    options: dict[str, Any] = Field(default={}, description="With `use`: what it is given.")
    command: tuple[str, ...] | None = Field(
        default=None, min_length=1,
        description="A program, by its absolute path, and its arguments; the manifest's path comes last. No shell.")
    timeout: Number = Field(default=300.0, gt=0, le=86_400,
                            description="With `command`: how long it may run (seconds). Then it is killed.")

    @field_validator("command")
    @classmethod
    def _absolute(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None and not value[0].startswith("/"):
            raise ValueError("must begin with the absolute path of a program")
        if value is not None and any("\0" in word for word in value):
            raise ValueError("no argument may hold a zero byte")
        return value

    @model_validator(mode="after")
    def _one_of_both(self) -> OwnStepSettings:
        if (self.use is None) == (self.command is None):
            raise ValueError("either `use` or `command` must be there, and not both")
        if self.command is not None and self.options:
            raise ValueError("`options` goes with `use`; a program has its arguments in `command`")
        return self


def named(steps: dict[str, OwnStepSettings]) -> dict[str, OwnStepSettings]:
    """The steps themselves, if their names can be in the ledger.

    Raises:
        ValueError: one cannot.
    """
    for name in steps:
        if not _NAME.fullmatch(name):
            raise ValueError("a step's name is a small letter, then small letters, digits, _ or -; at most 32")
        if name in _OURS:
            raise ValueError(f"Phonograph itself has a step {name}: choose another name")
    return steps
