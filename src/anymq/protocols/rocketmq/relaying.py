"""Relaying: what one client asks of another one, through us."""

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.codec import Frame
from anymq.protocols.rocketmq.codes import ResponseCode


@runtime_checkable
class Asked(Protocol):
    """A connection by which a client can be told and asked."""

    def tell(self, code: int, ext: Mapping[str, object], body: bytes = b"") -> None:
        """Tell it something; it does not answer."""

    def ask(
        self,
        code: int,
        ext: Mapping[str, object],
        then: Callable[[Frame | None], None],
        body: bytes = b"",
    ) -> None:
        """Ask it something; `then` has its answer, or None when there is none."""

    def wake(self) -> None:
        """Have it sent."""


def consumer(call: Call, group: str, client_id: str) -> Asked | None:
    """Return where a consumer of a group can be asked."""
    found = call.rocketmq.clients.consumers.get(group)
    if found is None:
        return None
    channel: object = found.channel_of(client_id)
    return channel if isinstance(channel, Asked) else None


def relay(call: Call, group: str, client_id: str, body: bytes | None = None) -> None:
    """Have a consumer answer a request itself, and answer as it does."""
    channel = consumer(call, group, client_id)
    if channel is None:
        call.refuse(ResponseCode.SYSTEM_ERROR, f"The Consumer <{group}> <{client_id}> not online")
        return

    def answered(frame: Frame | None) -> None:
        if frame is None:
            remark = f"consumer <{group}> <{client_id}> does not answer"
            call.refuse(ResponseCode.CONSUME_MSG_TIMEOUT, remark)
        else:
            call.answer(frame.ext, frame.body, code=frame.code, remark=frame.remark)

    call.later(_nothing)
    channel.ask(call.code, call.ext, answered, call.body if body is None else body)
    channel.wake()


def _nothing() -> None:
    """Whoever asked is gone; the answer of the other one goes nowhere."""
