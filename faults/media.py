"""The bytes of a recording."""

from __future__ import annotations

from faults.base import Blame, Fault


class MediaFault(Fault):
    """The bytes of a recording."""

    id = "media"
    recording = "The files are kept as they are; the recording is in the failed list."


class WavInvalid(MediaFault):
    """A file is not a WAV file that we can read."""

    id = "media.wav-invalid"
    blame = Blame.STORAGE
    remedy = "Look at the named file; `phonograph recordings show` lists the others."


class RateMismatch(MediaFault):
    """Tracks of one recording have different sample rates."""

    id = "media.rate-mismatch"
    remedy = "Record all tracks in one format."


class TrackMissing(MediaFault):
    """A file that the switch reported is not there."""

    id = "media.track-missing"
    blame = Blame.STORAGE
    remedy = "Check that the spool in the settings is the switch's own folder: `phonograph check`."
