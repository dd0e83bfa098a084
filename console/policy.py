"""``phonograph policy``: what the policy says of a call, from the files alone, and loading it into the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from console import text
from console.options import Common, common

if TYPE_CHECKING:
    from policy.types import Identity, TrunkNames


@click.group("policy")
@common
def command(_common: Common) -> None:
    """Who is recorded, and why."""


@command.command("explain")
@click.option("--caller", required=True, metavar="USER[@DOMAIN]", help="Who calls.")
@click.option("--callee", default="", metavar="USER[@DOMAIN]", help="Who is called.")
@click.option("--from-trunk", metavar="NAME", help="The call comes in from this trunk.")
@click.option("--to-trunk", metavar="NAME", help="The call goes out to this trunk.")
@click.option("--conference", metavar="NAME", help="It is this conference, which the caller opens.")
@click.option("--conference-profile", metavar="NAME", help="The profile of that conference.")
@click.option("--requested/--declined", default=None, help="What the caller chose, under profile optional.")
@common
def explain(common: Common, caller: str, callee: str, from_trunk: str | None, to_trunk: str | None,
            conference: str | None, conference_profile: str | None, requested: bool | None) -> None:
    """Say whether a call would be recorded, and by which rule. Nothing needs to run for this.

    A trunk is named as the policy names it: by endpoint, context, gateway or profile.
    """
    from policy.decide import decide
    from policy.trunks import direction_of
    from policy.types import Conference, Facts, Media, RecordingTarget
    from service.running_policy import read

    settings = common.settings()
    policy = read(settings.policy, servers=bool(settings.siprec.servers))
    notes = [f"The policy knows no trunk {text.safe(name)}." for name in (from_trunk, to_trunk)
             if name is not None and not _is_trunk(policy.trunks, name)]
    facts = Facts(direction=direction_of(bool(from_trunk and _is_trunk(policy.trunks, from_trunk)),
                                         bool(to_trunk and _is_trunk(policy.trunks, to_trunk))),
                  caller=_identity(caller), callee=_identity(callee), offered=frozenset({Media.AUDIO}),
                  requested=requested, conference=Conference(conference or "", conference_profile or "")
                  if conference is not None or conference_profile is not None else None)
    decision = decide(facts, policy)
    if common.as_json:
        text.say_json({"record": decision.record, "media": sorted(decision.media), "level": decision.level,
                       "rule": decision.rule, "profile": decision.profile, "subject": decision.subject,
                       "direction": facts.direction, "target": decision.target, "reason": decision.reason,
                       "notes": notes})
        return
    where = "" if not decision.record or decision.target is RecordingTarget.WAV else f", target: {decision.target}"
    text.say(f"{'recorded' if decision.record else 'not recorded'} (rule: {decision.rule}, "
             f"{facts.direction.value} call{where})")
    for line in (decision.reason, *notes):
        text.say(line)


@command.command("reload")
@common
def reload(common: Common) -> None:
    """Have the running service load its policy file again; a wrong one changes nothing."""
    answer = common.ask("POST", "/policy/reload")
    text.say_json(answer) if common.as_json else text.say("loaded: calls that are decided from now on follow it")


def _identity(party: str) -> Identity:
    from policy.types import Identity

    user, at, domain = party.rpartition("@")
    return Identity(user or None, domain or None) if at else Identity(party or None)


def _is_trunk(names: TrunkNames, name: str) -> bool:
    return name in names.endpoints | names.contexts | names.gateways | names.profiles
