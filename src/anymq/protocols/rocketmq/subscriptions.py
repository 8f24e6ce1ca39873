"""What consumers want to see of a topic."""

from typing import NamedTuple

from anymq.core.errors import Invalid
from anymq.protocols.rocketmq.codes import ResponseCode
from anymq.protocols.rocketmq.errors import RocketMqError
from anymq.protocols.rocketmq.filters import ALL, TAG, Passes, filter_of


class Subscription(NamedTuple):
    """What a group wants of a topic, as its members said last."""

    topic: str
    expression: str = ALL
    kind: str = TAG
    version: int = 0

    @property
    def passes(self) -> Passes | None:
        """Return what looks at messages; None: it wants all."""
        return passes_of(self.expression, self.kind)


def passes_of(expression: str, kind: str) -> Passes | None:
    """Return what says of a message whether it passes; None: all do."""
    try:
        return filter_of(kind, expression).passes
    except Invalid:
        raise RocketMqError(
            ResponseCode.SUBSCRIPTION_PARSE_FAILED, "parse the consumer's subscription failed"
        ) from None
