"""Method: what can be called, with which message, answered by which."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from anymq.protocols.rocketmq.grpc.protobuf import Proto

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.grpc.call import GrpcCall

SERVICE = "apache.rocketmq.v2.MessagingService"


class Method(NamedTuple):
    """One of the service's calls. `handle` answers it, now or later."""

    request: type[Proto]
    answer: type[Any]  # has a `status`
    handle: "Callable[[GrpcCall, Any], None]"
    talks: bool = False  # many messages come, each of which is handled
    sends: bool = False  # it brings messages: it waits, or is refused, when we are short of room
