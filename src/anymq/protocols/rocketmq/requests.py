"""Requests: messages that ask for a reply."""

from typing import TYPE_CHECKING

from anymq.protocols.rocketmq.layout import PAIR_END

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.rocketmq import RocketMq


def marked(rocketmq: "RocketMq", properties: bytes) -> bytes:
    """Say where to reply: who does needs the name of our cluster, and a topic of that name.

    Nothing is ever in that topic: replies go straight to who asked.
    """
    cluster = rocketmq.settings.cluster_name
    rocketmq.making.make(f"{cluster}_REPLY_TOPIC", 1, _nobody)
    between = b"" if properties.endswith(PAIR_END) else PAIR_END
    return properties + between + b"CLUSTER\1" + cluster.encode() + PAIR_END


def _nobody(_: Exception | None) -> None:
    """Who replies before it is there has it made."""
