"""How many queues, exchanges and bindings a virtual host may have: each takes memory for good."""

from collections.abc import Sized
from dataclasses import dataclass

from anymq.core.errors import PreconditionFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceLimits:
    """Of one virtual host. The texts are RabbitMQ's, where it has such a limit."""

    queues_max: int = 100_000  # each takes about 10 KB
    exchanges_max: int = 100_000
    bindings_max: int = 1_000_000

    def check_queues(
        self, there: Sized, name: str, vhost_name: str, at_most: int | None = None
    ) -> None:
        """Refuse one more queue or stream where there are too many. `at_most`: its own limit."""
        limit = self.queues_max if at_most is None else min(at_most, self.queues_max)
        if len(there) >= limit:
            raise PreconditionFailed(
                f"cannot declare queue '{name}': queue limit in vhost '{vhost_name}'"
                f" ({limit}) is reached"
            )

    def check_exchanges(self, there: Sized, exchange: object) -> None:
        """Refuse one more exchange where there are too many."""
        if len(there) >= self.exchanges_max:
            raise PreconditionFailed(
                f"cannot declare {exchange}: exchange limit of {self.exchanges_max} is reached"
            )

    def check_bindings(self, there: Sized, vhost_name: str) -> None:
        """Refuse one more binding where there are too many."""
        if len(there) >= self.bindings_max:
            raise PreconditionFailed(
                f"cannot bind: binding limit in vhost '{vhost_name}' ({self.bindings_max})"
                " is reached"
            )
