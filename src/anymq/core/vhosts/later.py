"""Delayed messages in memory: until a log of their own keeps them."""

from anymq.core.message import Message
from anymq.core.routing.target import Then
from anymq.core.steady import Steady
from anymq.core.vhosts.vhosts import VirtualHosts


def add(
    vhosts: VirtualHosts,
    steady: Steady,
    vhost_name: str,
    message: Message,
    due_ms: int,
    then: Then | None,
) -> None:
    """Publish a message when it is due."""

    def due() -> None:
        vhosts.release(vhost_name, message, lambda _: None)

    steady.at(due_ms, due)
    if then is not None:
        then(None)
