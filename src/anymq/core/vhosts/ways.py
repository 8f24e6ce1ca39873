"""Ways: where a message goes, by exchanges, bindings and addresses."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from anymq.core.message import Envelope, Message
from anymq.core.portable.record_form import NO_PROPERTIES, RECORD_FORM
from anymq.core.routing.exchange import Destination, Exchange, RoutesBy
from anymq.core.routing.target import Target
from anymq.core.vhosts.addresses import TRIE, Address, AtAddress
from anymq.core.vhosts.pushing import Targets
from anymq.core.vhosts.stream import Stream
from anymq.core.vhosts.topology import Topology

NOTHING = Message(Envelope(TRIE, "", RECORD_FORM), NO_PROPERTIES, b"", 0)


class Ways:
    """Follows what the topology of one virtual host says.

    `joins_topics`: topics are at their addresses, see addresses.py.
    """

    def __init__(self, topology: Topology[Any]) -> None:
        self.topology = topology
        self.joins_topics = True
        # Told of an address where no topic is, before anything goes there: it may make one.
        self.capture: Callable[[str], None] | None = None

    def join_topics(self, *, join: bool) -> None:
        """Let topics be at their addresses, or not."""
        if join != self.joins_topics:
            self.joins_topics = join
            self.topology.version += 1

    def find(
        self, exchange: Exchange, keys: Sequence[str], message: Message
    ) -> tuple[Targets, bool]:
        """Return where a message goes from an exchange, and whether all with its key go there.

        Each target comes once, at the first address that leads to it.
        """
        walk = _Walk(self, message)
        found = walk.follow(exchange, keys)
        if self.joins_topics and any(isinstance(place, Stream) for place in found):
            found = self._find_listeners(walk, found, keys)
        return tuple(found.values()), walk.keep

    def is_heard(self, stream: Stream) -> bool:
        """Does anybody else listen at the address of a topic?"""
        router = self.topology.exchanges[TRIE].router
        return self.joins_topics and any(
            place is not stream for place in router.route((stream.name,), NOTHING)
        )

    def _find_listeners(
        self, walk: "_Walk", found: dict[Target, Target], keys: Sequence[str]
    ) -> dict[Target, Target]:
        """Add who listens at the addresses of the topics that were found."""
        passed = set(keys) if walk.passed_trie else set()
        streams = [place for place in found if isinstance(place, Stream)]
        for stream in streams:  # it grows: from topic to topic
            if stream.name in passed:
                continue
            passed.add(stream.name)
            address = Address(stream.name)
            for place in walk.follow(self.topology.exchanges[TRIE], (stream.name,)):
                if place not in found:
                    found[place] = AtAddress(place, address)
                    if isinstance(place, Stream):
                        streams.append(place)
        return found

    def places(
        self, exchange: Exchange, keys: Sequence[str], message: Message
    ) -> Iterable[Destination]:
        """Return where a message goes next from an exchange."""
        places = tuple(exchange.router.route(keys, message))
        if exchange.name == TRIE and self.joins_topics:
            places += self._topics_at(keys)
        if places or exchange.alternate is None:
            return places
        alternate = self.topology.exchanges.get(exchange.alternate)
        return () if alternate is None else (alternate,)

    def _topics_at(self, keys: Sequence[str]) -> tuple[Stream, ...]:
        found = [self._place_at(key) for key in keys]
        return tuple(one for one in found if isinstance(one, Stream))

    def _place_at(self, address: str) -> Any:
        place = self.topology.queues.get(address)
        if place is None and self.capture is not None:
            self.capture(address)
            place = self.topology.queues.get(address)
        return place


class _Walk:
    """What was found out about one message's ways."""

    __slots__ = ("_message", "_ways", "keep", "passed_trie")

    def __init__(self, ways: Ways, message: Message) -> None:
        self._ways = ways
        self._message = message
        self.keep = True  # all with its key go there
        self.passed_trie = False

    def follow(self, exchange: Exchange, keys: Sequence[str]) -> dict[Target, Target]:
        """Return every target that this exchange leads to, by however many others."""
        work, seen = [exchange], {exchange.name}
        found: dict[Target, Target] = {}
        while work:
            at = work.pop()
            self.keep = self.keep and at.router.keeps is RoutesBy.KEY
            for place in self._ways.places(at, keys, self._message):
                if not isinstance(place, Exchange):
                    found[place] = place
                elif place.name not in seen:
                    seen.add(place.name)
                    work.append(place)
        self.passed_trie = self.passed_trie or TRIE in seen
        return found
