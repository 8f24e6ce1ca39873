"""A day of steady load, in simulated time: in the evening the broker is as small as in the morning.

What is bounded has been at its bound many times by the morning (see `steady.hurry`); what is higher
at every look in the evening than it ever was in the morning goes on growing. That this is noticed
is shown with leaks that are planted.
"""

from collections.abc import Sequence
from functools import reduce
from operator import and_, or_

import pytest

from anymq.core.broker import Broker
from anymq.core.queues.journal import Journal
from anymq.core.streams.topics import Topics
from anymq.protocols.mqtt.session import MqttSession
from tests.simulation.steady import Day, hurry
from tests.simulation.weighing import Weights

MORNING, EVENING = (6.0, 7.0, 8.0, 9.0, 10.0, 11.0), (19.0, 20.0, 21.0, 22.0, 23.0, 24.0)
EARLY, NOON = (1.0, 2.0, 3.0), (8.0, 9.0, 10.0)
MORE = 1.02
MORE_BYTES = 500


@pytest.mark.timeout(240)  # on a machine that is busy with something else
def test_nothing_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who runs for years must not have to be started anew."""
    hurry(monkeypatch)
    assert not grown(Day(), MORNING, EVENING)


@pytest.mark.timeout(240)
def test_planted_leaks_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few hundred bytes for each client that comes and goes are seen in half a day."""
    hurry(monkeypatch)
    monkeypatch.setattr(Topics, "expire_producers", lambda self, before_ms: None)
    monkeypatch.setattr(Journal, "_repeat_the_oldest", lambda self: None)
    monkeypatch.setattr(Broker, "_bury", lambda self, logs, delete: None)
    monkeypatch.setattr(MqttSession, "peer_gone", lambda self: None)
    named = grown(Day(), EARLY, NOON)
    assert "anymq.core.streams.producers.Producer" in named
    assert "anymq.protocols.mqtt.session.MqttSession" in named
    assert {"logs/3", "files"} <= named.keys()


def grown(day: Day, first: Sequence[float], then: Sequence[float]) -> dict[str, tuple[int, int]]:
    """Return what grows: as much was the most at these looks, and the least at those."""
    most = reduce(or_, looks(day, first))
    least = reduce(and_, looks(day, then))
    found = {name: (most[name], now) for name, now in least.items()}
    return {name: (was, now) for name, (was, now) in found.items() if now > MORE * was + MORE_BYTES}


def looks(day: Day, times: Sequence[float]) -> list[Weights]:
    """Look at it at these hours."""
    found = []
    for hours in times:
        day.let_until(hours)
        found.append(day.memory() | day.disk())
    return found
