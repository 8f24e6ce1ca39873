from tests.simulation.weighing import weigh
from tests.unit.core.world import World, make_batch

from anymq.core.taps import BROKER
from anymq.core.tracing.trace import Wanted
from anymq.core.tracing.tracing import OPENERS_MAX

OPENER = "anymq.core.portable.opener.Opener"


def test_topics_that_are_gone_are_forgotten() -> None:
    """A trace may be on for weeks, while topics come and go."""
    tracing = World().broker.create_vhost("/").tracing
    tracing.begin("mine", Wanted(events=1))
    weights = []
    for run in range(3):
        for number in range(OPENERS_MAX):
            tracing.appended(f"{run}-{number}", 0, 0, make_batch(b"x"), BROKER)
        weights.append(weigh([tracing])[OPENER])
    assert weights[2] <= weights[0] * 1.1
