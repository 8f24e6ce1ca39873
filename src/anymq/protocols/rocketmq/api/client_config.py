"""Check a client's configuration: can its filter be understood? Asked before a consumer starts."""

from typing import Any

import msgspec

from anymq.core.errors import Invalid
from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.errors import BadRequest, RocketMqError
from anymq.protocols.rocketmq.filters import filter_of


def handle(call: Call) -> None:
    """Say yes, or what is wrong with the condition."""
    said = _subscription(call.body)
    kind, expression = said.get("expressionType"), said.get("subString")
    if not isinstance(kind, str | None) or not isinstance(expression, str | None):
        raise BadRequest("a filter is text")
    try:
        filter_of(kind, expression)
    except Invalid as error:
        raise RocketMqError(
            ResponseCode.SUBSCRIPTION_PARSE_FAILED, f"Invalid MessageSelector. {error}"
        ) from None
    call.answer()


def _subscription(body: bytes) -> dict[str, Any]:
    """Return what is subscribed to; nothing said is everything."""
    try:
        said = msgspec.json.decode(body) if body else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest("the body is not JSON") from None
    subscription = said.get("subscriptionData") if isinstance(said, dict) else None
    return subscription if isinstance(subscription, dict) else {}


CODES = {RequestCode.CHECK_CLIENT_CONFIG: handle}
