"""Exchanges, queues and bindings as they are kept among the definitions. On disk: see catalog.py.

Arguments are kept as the headers of a form that can say them exactly, and its number.
"""

import msgspec


class Said(msgspec.Struct, frozen=True, array_like=True):
    """Arguments, written by a form."""

    form: int
    content: bytes


class VhostRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A virtual host."""

    description: str = ""
    tags: tuple[str, ...] = ()
    default_queue_type: str = ""
    protected: bool = False  # from being deleted
    topic_addresses: bool = True  # topics are where amq.topic leads, and the reverse


class ExchangeRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A durable exchange."""

    type: str
    auto_delete: bool = False
    internal: bool = False
    arguments: Said | None = None


class QueueRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A durable queue with logs of its own: one for each line, by number."""

    kind: str
    logs: dict[int, int]
    auto_delete: bool = False
    arguments: Said | None = None


class BindingRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A binding from a durable exchange to something durable."""

    source: str
    destination: str
    made: int  # the how manieth: the order matters to some types
    to_exchange: bool = False
    key: str = ""
    arguments: Said | None = None
