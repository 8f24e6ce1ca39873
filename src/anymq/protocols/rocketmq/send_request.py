"""What a request to send says, whichever names its fields have."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from anymq.protocols.rocketmq.form import Said

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.call import Call


class Fields(NamedTuple):
    """How the fields are called."""

    group: str
    topic: str
    default_topic: str
    default_queues: str
    queue: str
    sys_flag: str
    born: str
    flag: str
    properties: str
    reconsumed: str
    unit_mode: str
    max_reconsumed: str
    batch: str
    broker: str


LONG = Fields(
    *("producerGroup", "topic", "defaultTopic", "defaultTopicQueueNums", "queueId", "sysFlag"),
    *("bornTimestamp", "flag", "properties", "reconsumeTimes", "unitMode"),
    *("maxReconsumeTimes", "batch", "brokerName"),
)
SHORT = Fields(*"abcdefghijklmn")


class Send(NamedTuple):
    """Messages on their way to a queue, or to whoever keeps them for later.

    Who takes it (`RocketMq.detours`) answers the call; who puts it back calls `api.send.append`.
    """

    call: "Call"
    topic: str
    queue: int  # -1: any
    messages: Sequence[tuple[Said, bytes]]
    group: str
    is_batch: bool
    max_reconsumed: int  # -1: as the group says
