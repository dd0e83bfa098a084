"""The settings of where finished files are kept, how long a recording may be, and how long it is kept."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from processing.stores import LOCAL
from service.setting_types import SIZE, Number, Section, size

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_SMALLEST_PART = 5 << 20  # what S3 itself allows


class Encryption(StrEnum):
    """What an S3 server is asked to encrypt an object with."""

    AES256 = "AES256"
    KMS = "aws:kms"


class S3Settings(Section):
    """A bucket of an S3 server. Without keys those of the environment are used (`AWS_ACCESS_KEY_ID`, `~/.aws` ...)."""

    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
                        description="The bucket's name; it has to exist.")
    endpoint: str | None = Field(default=None, pattern=r"^https?://[^/\s@]+/?$",
                                 description="The server's URL. Without it, Amazon's own in `region`.")
    region: str = Field(default="us-east-1", pattern=r"^[a-z0-9-]+$", description="The region that requests are signed "
                                                                                "for.")
    prefix: str = Field(default="", pattern=r"^([A-Za-z0-9._-]+/)*$",
                        description="What comes before each name, with a / at its end.")
    access_key: str | None = Field(default=None, min_length=1, description="The key's id.")
    secret_key_file: Path | None = Field(default=None, description="A file whose first line is the secret key.")
    path_style: bool = Field(default=True, description="Whether the bucket stands in the path of URLs (most servers of "
                                                       "one's own) and not in the host's name (Amazon).")
    part_size: str = Field(default="16MB", pattern=SIZE,
                           description="What is larger is uploaded in parts of this size; at least 5.3MB.")
    encryption: Encryption | None = Field(default=None, description="The server's own encryption, asked for with each "
                                                                    "upload. Without it, the bucket's default.")
    timeout: Number = Field(default=30.0, ge=1, le=600,
                            description="How long the server may be silent in the middle of a request (seconds).")

    @field_validator("part_size")
    @classmethod
    def _not_too_small(cls, value: str) -> str:
        if size(value) < _SMALLEST_PART:
            raise ValueError("is less than S3 allows a part to be: 5.3MB")
        return value

    @model_validator(mode="after")
    def _both_keys(self) -> S3Settings:
        if (self.access_key is None) != (self.secret_key_file is None):
            raise ValueError("needs both `access_key` and `secret_key_file`, or neither")
        return self


class StorageSettings(Section):
    """Where finished files are kept ([storage.md](storage.md)). `local` is the folder `destination_path`."""

    first: str = Field(default=LOCAL,
                       description="The store that every recording goes to: `local`, or one of `stores`.")
    backup: str | None = Field(default=None, description="The store that takes a recording when the first one fails.")
    stores: dict[str, S3Settings] = Field(default={}, description="The S3 stores, each under its name.")

    @model_validator(mode="after")
    def _known(self) -> StorageSettings:
        for name in self.stores:
            if not _NAME.fullmatch(name) or name == LOCAL:
                raise ValueError("a store's name is a small letter, then small letters, digits, _ or -; at most 32, "
                                 f"and not `{LOCAL}`")
        for key, named in (("first", self.first), ("backup", self.backup)):
            if named is not None and named != LOCAL and named not in self.stores:
                raise ValueError(f"`{key}` names a store that is not in `stores`: {named}")
        if self.backup == self.first:
            raise ValueError("`backup` has to be another store than `first`")
        return self


class LimitSettings(Section):
    """How long recordings may be, and are kept ([storage.md](storage.md#limits)). Without a limit, for ever."""

    maximum_duration: Number | None = Field(
        default=None, ge=1, description="After this time a recording is stopped and saved (seconds).")
    maximum_duration_sound: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_/-]*$",
        description="The name of a sound that each party then hears, as in the policy's `announcement`.")
    expiration_days: Number | None = Field(
        default=None, gt=0, description="So long after its end a finished recording is deleted, wherever it is (days).")
