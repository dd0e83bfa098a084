"""A leg keeps the context and the number that it came in with."""

from dataclasses import replace

from ari_app.arrivals import Arrivals
from ari_app.generated import events as ari
from ari_app.translate import translate
from recorder.events import LegIs
from tests.ari_app.captures import events


def told(arrivals: Arrivals) -> list[LegIs]:
    """What a trunk's call tells of its legs."""
    found: list[LegIs] = []
    for number, event in enumerate(events("trunk_call")):
        if isinstance(event, ari.ChannelCreated):
            arrivals.created(event.channel)
        found += [leg for leg in arrivals.dress(translate(event, "main", number)) if isinstance(leg, LegIs)]
    return found


def test_the_context_of_a_trunk_is_the_one_it_came_in_by() -> None:
    legs = [event.leg for event in told(Arrivals()) if event.leg.endpoint == "trunk"]
    assert {(leg.context, leg.dialled) for leg in legs} == {("from-trunk", "104")}


def test_channels_that_are_gone_are_forgotten() -> None:
    arrivals = Arrivals()
    told(arrivals)
    assert len(arrivals) == 0


def test_channels_that_ended_unseen_are_forgotten_with_the_next_snapshot() -> None:
    arrivals = Arrivals()
    created = next(event for event in events("trunk_call") if isinstance(event, ari.ChannelCreated))
    arrivals.created(created.channel)
    arrivals.created(replace(created.channel, id="another"))
    arrivals.keep({"another"})
    assert len(arrivals) == 1


def test_who_holds_does_so_until_it_is_told_otherwise_whatever_else_is_told() -> None:
    arrivals = Arrivals()
    created = next(event for event in events("trunk_call") if isinstance(event, ari.ChannelCreated))
    arrivals.created(created.channel)
    arrivals.holds(created.channel.id, held=True)
    state = ari.ChannelStateChange(application="recorder", timestamp=created.timestamp, channel=created.channel)

    def held() -> list[bool]:
        return [one.leg.held for one in arrivals.dress(translate(state, "main", 1)) if isinstance(one, LegIs)]

    assert held() == [True]
    arrivals.holds(created.channel.id, held=False)
    assert held() == [False]
