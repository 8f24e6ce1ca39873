"""Opening: share groups and what belongs to them, put together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from anymq.core.catalog import Catalog
from anymq.core.clock import Clock
from anymq.core.shares.configs import GroupConfigs
from anymq.core.shares.kept import Kept
from anymq.core.shares.places import Spots
from anymq.core.shares.queue_writer import QueueSinks
from anymq.core.shares.shares import Around, Shares
from anymq.core.streams.broker_config import BrokerConfig
from anymq.core.streams.groups import Groups
from anymq.core.streams.topics import Topics
from anymq.core.timers import Timers
from anymq.core.vhosts.messaging import Messaging


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareGround:
    """What share groups stand on."""

    catalog: Catalog
    messaging: Messaging
    topics: Topics
    groups: Groups  # of the other kinds: a name is of one kind
    clock: Clock
    timers: Timers
    new_ids: Callable[[int], Sequence[int]]
    config: Callable[[], BrokerConfig]


class Opened(NamedTuple):
    """All of it."""

    configs: GroupConfigs
    shares: Shares
    sinks: QueueSinks


def opened(ground: ShareGround) -> Opened:
    """Put it together, with what is kept."""
    configs = GroupConfigs(ground.catalog, ground.config)
    topics, clock, timers = ground.topics, ground.clock, ground.timers
    messaging = ground.messaging
    around = Around(
        spots=Spots(topics.by_name, topics.find_id, messaging.vhosts, clock, timers),
        kept=Kept(ground.catalog, messaging.lines, ground.new_ids),
        clock=clock,
        timers=timers,
        forms=messaging.forms,
        settings_of=configs.settings,
        is_other=ground.groups.__contains__,
    )
    shares = Shares(around)
    ground.groups.is_other = shares.__contains__
    sinks = QueueSinks(messaging.vhosts, messaging.forms, topics.default_config)
    return Opened(configs, shares, sinks)
