"""Actor: a client that comes, loses its connection, and comes again."""

from typing import Protocol

from anymq.protocols.session import Peer
from tests.simulation.link import Link
from tests.simulation.node import Node
from tests.simulation.world import World

DISK = ("space left on", "the disk is full", "Input/output error", "takes no more writes")


def is_of_disk(said: object) -> bool:
    """Is this refused because the disk is full, or fails?"""
    return any(words in str(said) for words in DISK)


class Place(Protocol):
    """Where the broker is; for a while it may be nowhere."""

    node: Node | None
    calm: bool  # nothing breaks any more, and everybody finishes


class Actor:
    """One client. It forgets nothing, whatever happens to its connections."""

    protocol = ""

    def __init__(self, world: World, place: Place, name: str) -> None:
        self.world, self.place, self.name = world, place, name
        self.peer = Peer("127.0.0.1", 50_000 + world.rng.randrange(10_000), "127.0.0.1", 1)
        self.link: Link | None = None
        self.heard = b""
        self.come_soon()

    def come_soon(self) -> None:
        """Connect after a while."""
        self.world.after(self.world.between(0.001, 0.5), self._come)

    def _come(self) -> None:
        if self.place.node is None:
            self.come_soon()
        elif self.link is None:
            self.link = Link(self.place.node, self)
            self.heard = b""
            self.greet()

    def lost(self) -> None:
        """Come again."""
        self.link = None
        self.gone()
        self.come_soon()

    def later(self, seconds: float, act: object) -> None:
        """Do it then, if the connection is still the same."""
        link = self.link
        assert callable(act)
        self.world.after(seconds, lambda: act() if self.link is link and link is not None else None)

    def hear(self, data: bytes) -> None:
        """Something came; perhaps in the middle of it we hang up."""
        self.heard += data
        self.listen()

    # What each protocol does

    def greet(self) -> None:
        """Begin."""

    def listen(self) -> None:
        """Take from `heard` what is whole."""

    def gone(self) -> None:
        """The connection is gone, and what was under way with it."""

    @property
    def done(self) -> bool:
        """Has it nothing more to do?"""
        return True
