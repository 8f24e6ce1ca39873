"""What arguments and policies together make of a queue. It may change while the queue lives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from anymq.core.queues.arguments import QUORUM

DELIVERY_LIMIT = 20  # of quorum queues, unless said otherwise
QUORUM_LEVELS = 32
QUORUM_DEFAULT_LEVEL = 4
DEDUPLICATION_WINDOW_MS = 300_000


class DelayedRetry(NamedTuple):
    """How long messages rest that came back."""

    failed: bool  # those that somebody did not manage?
    returned: bool  # those that were but given back?
    min_ms: int  # the first time; the second time twice as long …
    max_ms: int  # … but no longer

    def rest_ms(self, times: int) -> int:
        """Return how long, when it has failed so often."""
        return min(self.min_ms * times, self.max_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """How a queue behaves. None: no limit, not asked for."""

    message_ttl_ms: int | None = None
    expires_ms: int | None = None
    max_length: int | None = None
    max_length_bytes: int | None = None
    overflow: str = "drop-head"
    dead_letter_exchange: str | None = None
    dead_letter_routing_key: str | None = None
    at_least_once: bool = False  # what no queue wants is kept, and tried again
    single_active: bool = False
    delivery_limit: int | None = None
    delayed_retry: DelayedRetry | None = None
    consumer_timeout_ms: int | None = None
    levels: int = 1  # priorities 0 … levels - 1; more are taken for the highest
    default_level: int = 0
    deduplication_window_ms: int | None = None

    @property
    def bounded(self) -> bool:
        """Is there a limit to how much may wait?"""
        return self.max_length is not None or self.max_length_bytes is not None

    @property
    def rejects(self) -> bool:
        """Does it refuse messages when it is full?"""
        return self.bounded and self.overflow != "drop-head"


def settings_of(
    kind: str, arguments: Mapping[str, Any], policy: Mapping[str, Any] | None = None
) -> QueueSettings:
    """Return how such a queue behaves.

    As RabbitMQ resolves it: of two limits the smaller one counts, else the argument.
    """
    said = _Said(arguments, policy or {})
    overflow = said.first("overflow") or "drop-head"
    if kind == QUORUM and overflow == "reject-publish-dlx":
        overflow = "drop-head"  # which quorum queues do not know
    exchange = said.first("dead-letter-exchange")
    deduplicates = said.first("message-deduplication") is True
    window_ms = said.least("deduplication-window") or DEDUPLICATION_WINDOW_MS
    return QueueSettings(
        message_ttl_ms=said.least("message-ttl"),
        expires_ms=said.least("expires"),
        max_length=said.least("max-length"),
        max_length_bytes=said.least("max-length-bytes"),
        overflow=overflow,
        dead_letter_exchange=exchange,
        dead_letter_routing_key=said.first("dead-letter-routing-key"),
        at_least_once=kind == QUORUM
        and overflow == "reject-publish"
        and exchange is not None
        and said.first("dead-letter-strategy") == "at-least-once",
        single_active=said.first("single-active-consumer") is True,
        delivery_limit=_delivery_limit(said) if kind == QUORUM else None,
        delayed_retry=_delayed_retry(said) if kind == QUORUM else None,
        consumer_timeout_ms=said.least("consumer-timeout"),
        levels=QUORUM_LEVELS if kind == QUORUM else int(said.first("max-priority") or 0) + 1,
        default_level=QUORUM_DEFAULT_LEVEL if kind == QUORUM else 0,
        deduplication_window_ms=window_ms if deduplicates else None,
    )


class _Said:
    """The arguments and the policy, by the policy's names."""

    def __init__(self, arguments: Mapping[str, Any], policy: Mapping[str, Any]) -> None:
        self._arguments = arguments
        self._policy = policy

    def _all(self, key: str) -> list[Any]:
        said = (self._arguments.get("x-" + key), self._policy.get(key))
        return [value for value in said if value is not None]

    def first(self, key: str) -> Any:
        """Return the argument, or else the policy's value."""
        return next(iter(self._all(key)), None)

    def last(self, key: str) -> Any:
        """Return the policy's value, or else the argument."""
        return next(reversed(self._all(key)), None)

    def least(self, key: str) -> int | None:
        """Return the smaller of both. RabbitMQ takes any x-delivery-limit; only numbers count."""
        return min(self.numbers(key), default=None)

    def numbers(self, key: str) -> list[int]:
        """Return what is said as a number."""
        return [int(one) for one in self._all(key) if isinstance(one, int)]


def _delayed_retry(said: _Said) -> DelayedRetry | None:
    """What makes no sense is as good as nothing, as in RabbitMQ."""
    kind, min_ms = said.last("delayed-retry-type"), said.least("delayed-retry-min")
    if kind not in ("all", "failed", "returned") or min_ms is None or min_ms <= 0:
        return None
    max_ms = said.least("delayed-retry-max") or 0
    return DelayedRetry(
        kind != "returned", kind != "failed", min_ms, max_ms if max_ms > 0 else min_ms
    )


def _delivery_limit(said: _Said) -> int | None:
    limits = said.numbers("delivery-limit")
    if not limits:
        return DELIVERY_LIMIT
    # A negative one is none: then the other one is the stricter.
    limit = max(limits) if min(limits) < 0 else min(limits)
    return limit if limit >= 0 else None
