"""Telling people and programs of a recording."""

from __future__ import annotations

from faults.base import Blame, Fault


class NoticeFault(Fault):
    """Telling people and programs of a recording."""

    id = "notice"
    recording = "Not touched: it is finished and kept whoever was told of it."
    remedy = "Mend what the message names, then `phonograph notices retry NOTICE`."


class ReceiverUnreachable(NoticeFault):
    """No connection to a receiver, no answer in time, or a certificate that is not trusted."""

    id = "notice.unreachable"
    blame = Blame.NETWORK
    remedy = ("Check the receiver and its address in the settings. It is told again by itself, ever more rarely; once "
              "the notice is in the failed list, by `phonograph notices retry NOTICE`.")


class ReceiverRefused(NoticeFault):
    """A receiver answered that it does not take a notice now."""

    id = "notice.refused"
    blame = Blame.NETWORK
    remedy = ("Look at the receiver's own log, and at our credentials for it. It is told again by itself, ever more "
              "rarely; once the notice is in the failed list, by `phonograph notices retry NOTICE`.")


class ReceiverDeclined(NoticeFault):
    """A receiver answered that it will never take this notice: it is not told again."""

    id = "notice.declined"
    blame = Blame.ADMINISTRATOR
    remedy = "Correct the receiver in the settings, then `phonograph notices retry NOTICE`."


class NoticeBroken(NoticeFault):
    """A notice could not be made."""

    id = "notice.broken"
