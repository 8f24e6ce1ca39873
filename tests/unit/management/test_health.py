"""Health: what an orchestrator does about it depends on what is wrong."""

import json

from tests.unit.core.world import World

from anymq.core.flow import MEMORY
from anymq.management.health import conditions
from anymq.management.pages import health, ready


def test_short_of_memory_it_is_not_well_and_takes_consumers_all_the_same() -> None:
    """They are who ends it: a balancer that sends them elsewhere would make it last."""
    world = World()
    world.broker.flow.set(MEMORY, True)
    found = conditions(world.broker, world.store, lambda: False)

    shown = health(found)
    assert shown.status == 503
    assert not json.loads(shown.body)["conditions"]["memory is free"]["holds"]
    assert ready(found).status == 200

    world.broker.flow.set(MEMORY, False)
    assert health(conditions(world.broker, world.store, lambda: False)).status == 200
