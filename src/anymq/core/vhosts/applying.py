"""Applying: policies that changed are brought to what is there, a part of it in each turn."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from anymq.core.policies.policy import EXCHANGES
from anymq.core.queues.queue import Queue
from anymq.core.queues.turn import Turn
from anymq.core.routing.exchange import Exchange
from anymq.core.vhosts.kinds import AnyQueue
from anymq.core.vhosts.stream import Stream
from anymq.core.vhosts.vhost import VirtualHost

THINGS_PER_TURN = 500  # some milliseconds


class Applying:
    """What is left to do. New things follow their policies from the beginning."""

    def __init__(
        self,
        vhosts: Mapping[str, VirtualHost],
        turn: Turn,
        follow_policy: Callable[[str], None],
    ) -> None:
        """`follow_policy` lets a topic be as its policy says."""
        self.scheduled = False
        self._vhosts = vhosts
        self._turn = turn
        self._follow_policy = follow_policy
        self._left: dict[str, Iterator[Exchange | AnyQueue]] = {}

    def begin(self, vhost_name: str) -> None:
        """The policies of a virtual host have changed."""
        vhost = self._vhosts.get(vhost_name)
        if vhost is not None:
            things: list[Exchange | AnyQueue] = [*vhost.exchanges.values()]
            things += vhost.queues.values()
            self._left[vhost_name] = iter(things)
            self._turn.add(self)

    def pump(self) -> bool:
        """Do a part; say whether there is more."""
        room = THINGS_PER_TURN
        for name, things in list(self._left.items()):
            vhost = self._vhosts.get(name)
            some = list(islice(things, room)) if vhost is not None else []
            if vhost is None or len(some) < room:
                del self._left[name]
            for thing in some:
                self._apply(vhost, thing)
            room -= len(some)
            if not room:
                break
        return bool(self._left)

    def flush(self) -> None:
        """Nothing of this is on the disk."""

    def _apply(self, vhost: VirtualHost | None, thing: Exchange | AnyQueue) -> None:
        """Let it be as its policy says; harmless for what is gone meanwhile."""
        if vhost is None:
            return
        if isinstance(thing, Exchange):
            if thing.follow(vhost.rules.definition(EXCHANGES, thing.name)):
                vhost.topology.version += 1
        elif isinstance(thing, Stream):
            if not thing.topic.deleted:
                self._follow_policy(thing.topic.name)
        elif isinstance(thing, Queue) and not thing.closed:
            policy = vhost.rules.definition(thing.kind, thing.name)
            if policy != thing.policy:
                thing.configure(thing.arguments, policy)
