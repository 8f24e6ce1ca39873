"""Transactions by gRPC: their ids, and the question what shall become of one that nobody ended.

Whoever ends a transaction has to say where its half message is. By remoting the client remembers
that; by gRPC it gives back the transaction's id, so that is where we write it.
"""

from collections.abc import Mapping
from typing import NamedTuple

from typing_extensions import override

from anymq.protocols.rocketmq.grpc.convert import message_of
from anymq.protocols.rocketmq.grpc.definition import Code, Resource
from anymq.protocols.rocketmq.grpc.errors import GrpcRefusal
from anymq.protocols.rocketmq.grpc.messages import (
    RecoverOrphanedTransactionCommand,
    TelemetryCommand,
)
from anymq.protocols.rocketmq.layout import MalformedMessage, read_messages

LONG_MAX = (1 << 63) - 1


class Half(NamedTuple):
    """Where a half message is, and its id."""

    table_offset: int
    log_offset: int
    own_id: str

    @override
    def __str__(self) -> str:
        return f"{self.table_offset:X}-{self.log_offset:X}-{self.own_id}"


def half_of(transaction_id: str) -> Half:
    """Read the id of a transaction; refuse what we did not write."""
    parts = transaction_id.split("-", 2)
    try:
        table_offset, log_offset = int(parts[0], 16), int(parts[1], 16)
        half = Half(table_offset, log_offset, parts[2])
    except (ValueError, IndexError):
        half = Half(-1, -1, "")
    if not (0 <= half.table_offset <= LONG_MAX and 0 <= half.log_offset <= LONG_MAX):
        raise GrpcRefusal(Code.INVALID_TRANSACTION_ID, "no transaction has this id")
    return half


def recover(ext: Mapping[str, str], body: bytes) -> TelemetryCommand | None:
    """Return the question; None: it is about nothing."""
    try:
        stored = next(iter(read_messages(body)), None)
        offsets = int(ext["tranStateTableOffset"]), int(ext["commitLogOffset"])
    except (MalformedMessage, KeyError, ValueError):
        return None
    if stored is None:
        return None
    half = Half(*offsets, ext.get("transactionId") or ext.get("msgId", ""))
    message = message_of(stored, Resource("", stored.topic))
    command = RecoverOrphanedTransactionCommand(message, str(half))
    return TelemetryCommand(recover_orphaned_transaction_command=command)
