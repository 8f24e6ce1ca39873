"""Policy: what holds for everything whose name matches a pattern.

Of all policies that match, the one with the highest priority holds, and no other; beside it one of
the operator's, whose limits are upper limits. What cannot follow a policy as a whole (a stream one
with a message TTL) does not follow it at all: then the next one counts.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from anymq.core.queues.arguments import CLASSIC, QUORUM, STREAM
from anymq.core.rights import patterns

Definition = Mapping[str, Any]

EXCHANGES = "exchanges"  # beside the kinds of queues: what a policy can apply to
ALL = "all"
QUEUES = "queues"
APPLY_TO: Mapping[str, tuple[str, ...]] = {
    ALL: (CLASSIC, QUORUM, STREAM, EXCHANGES),
    QUEUES: (CLASSIC, QUORUM, STREAM),
    "classic_queues": (CLASSIC,),
    "quorum_queues": (QUORUM,),
    "streams": (STREAM,),
    EXCHANGES: (EXCHANGES,),
}

_STREAMS_ONLY = ("max-age", "stream-max-segment-size-bytes", "initial-cluster-size")
_QUORUM_ONLY = ("delivery-limit", "dead-letter-strategy", "target-group-size")
_IN_MEMORY = ("max-in-memory-length", "max-in-memory-bytes")
_OF_QUEUES = (
    *("expires", "message-ttl", "dead-letter-exchange", "dead-letter-routing-key", "max-length"),
    *("overflow", "queue-mode"),
)
# What a kind cannot follow.
UNSUPPORTED: Mapping[str, frozenset[str]] = {
    CLASSIC: frozenset((*_STREAMS_ONLY, *_QUORUM_ONLY, *_IN_MEMORY)),
    QUORUM: frozenset((*_STREAMS_ONLY, "queue-mode", "queue-master-locator")),
    STREAM: frozenset((*_OF_QUEUES, *_QUORUM_ONLY, *_IN_MEMORY, "queue-master-locator")),
    EXCHANGES: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy, or one of the operator's."""

    vhost: str
    name: str
    pattern: str
    definition: Definition
    priority: float = 0
    apply_to: str = ALL

    def applies(self, kind: str, name: str) -> bool:
        """Does it hold for something of this kind and name?"""
        if kind not in APPLY_TO.get(self.apply_to, ()):
            return False
        if not self.definition.keys().isdisjoint(UNSUPPORTED[kind]):
            return False
        # An empty pattern matches every name here, unlike in rights.
        return not self.pattern or patterns.matches(self.pattern, name)


@dataclass(frozen=True, slots=True)
class Applied:
    """What holds for one thing."""

    policy: Policy | None = None
    operator: Policy | None = None
    definition: Definition = field(default_factory=dict)  # of both together


NOTHING = Applied()


def in_order(policies: Iterable[Policy]) -> tuple[Policy, ...]:
    """Return them as they are tried: the highest priority first."""
    return tuple(sorted(policies, key=lambda one: (-one.priority, one.name)))


def apply(policies: Iterable[Policy], operators: Iterable[Policy], kind: str, name: str) -> Applied:
    """Return what holds of these, which are in order."""
    mine = next((one for one in policies if one.applies(kind, name)), None)
    operator = next((one for one in operators if one.applies(kind, name)), None)
    if mine is None and operator is None:
        return NOTHING
    return Applied(mine, operator, merged(_said(mine), _said(operator)))


def _said(policy: Policy | None) -> Definition:
    return {} if policy is None else policy.definition


def merged(user: Definition, operator: Definition) -> Definition:
    """Return what holds when both say something: the stricter limit, else the operator's."""
    both = {
        key: _MERGES.get(key, _operators)(user[key], operator[key])
        for key in user
        if key in operator
    }
    return {**user, **operator, **both}


def _operators(_mine: Any, operators: Any) -> Any:
    return operators


def stricter_deliveries(one: int, other: int) -> int:
    """Return the stricter of two limits of deliveries: a negative one is none."""
    return max(one, other) if min(one, other) < 0 else min(one, other)


_MERGES: Mapping[str, Callable[[Any, Any], Any]] = {
    "message-ttl": min,
    "expires": min,
    "max-length": min,
    "max-length-bytes": min,
    "max-in-memory-length": min,
    "max-in-memory-bytes": min,
    "delivery-limit": stricter_deliveries,
    "target-group-size": max,
    "delayed-retry-min": max,
    "delayed-retry-max": min,
}
