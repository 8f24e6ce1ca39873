"""The topics in a subscription of the protocol type "consumer".

Groups do not read what members tell each other, with this one exception: offsets of topics that
somebody reads must not be deleted. Every version begins alike: version 2 · count 4 · (length 2 ·
name)*.
"""

from struct import Struct, error

CONSUMER = "consumer"

_START = Struct(">hi")
_LENGTH = Struct(">h")


def topics(subscription: bytes) -> frozenset[str] | None:
    """Return the names of the topics; None when the bytes mean something else."""
    try:
        return frozenset(_names(subscription))
    except (error, ValueError):
        return None


def _names(subscription: bytes) -> list[str]:
    _, count = _START.unpack_from(subscription)
    position, names = _START.size, []
    if count * _LENGTH.size > len(subscription):
        raise ValueError("more names than bytes")
    for _ in range(count):
        (length,) = _LENGTH.unpack_from(subscription, position)
        position += _LENGTH.size
        end = position + length
        if length < 0 or end > len(subscription):
            raise ValueError("a name goes beyond the end")
        names.append(subscription[position:end].decode())
        position = end
    return names
