"""What consumers want to see of a topic."""

from anymq.core.errors import Invalid
from anymq.protocols.rocketmq.codes import ResponseCode
from anymq.protocols.rocketmq.errors import RocketMqError
from anymq.protocols.rocketmq.filters import Passes, filter_of


def passes_of(expression: str, kind: str) -> Passes | None:
    """Return what says of a message whether it passes; None: all do."""
    try:
        return filter_of(kind, expression).passes
    except Invalid:
        raise RocketMqError(
            ResponseCode.SUBSCRIPTION_PARSE_FAILED, "parse the consumer's subscription failed"
        ) from None
