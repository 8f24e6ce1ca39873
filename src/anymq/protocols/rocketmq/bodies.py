"""Bodies of requests: JSON, read strictly as far as we use it, and with mercy for the rest."""

from functools import cache
from typing import Any, TypeVar

import msgspec

from anymq.protocols.rocketmq.errors import BadRequest

Body = TypeVar("Body", bound=msgspec.Struct)


def read(body: bytes, kind: type[Body]) -> Body:
    """Return what a body says; BadRequest when it cannot be read."""
    try:
        said: Body = _decoder(kind).decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise BadRequest(f"the body cannot be read: {error}") from None
    return said


@cache
def _decoder(kind: type[Any]) -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(kind, strict=False)
