"""The recording server of SIPREC, or the way to it."""

from __future__ import annotations

from faults.base import Blame, Fault


class RecordingServerFault(Fault):
    """The recording server of SIPREC, or the way to it."""

    id = "siprec"
    blame = Blame.NETWORK
    recording = "Calls go on; what the policy says of a server that fails is done."
    remedy = "Look at the recording server's own log."


class RecordingServerProtocolBroken(RecordingServerFault):
    """The recording server sent something that cannot be read as SDP, metadata or a body of parts."""

    id = "siprec.protocol"
