"""Who makes a call: each says so by itself, signed with a secret; or nobody need say so."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from anymq.core.rights.access import ANONYMOUS, Access
from anymq.protocols.rocketmq import signatures
from anymq.protocols.rocketmq.errors import Denied
from anymq.protocols.rocketmq.login import access_by

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.grpc.client import GrpcClient

NOBODY = "Credential=,"  # clients that were given no user sign all the same


def access_of(client: "GrpcClient", headers: Mapping[str, str]) -> Access:
    """Return what the maker of this call may do; refuse one that is not who it says it is."""
    said = headers.get("authorization", "")
    signed = signatures.of_call(said, headers.get("x-mq-date-time", ""))
    if signed is None and said and NOBODY not in said:
        raise Denied("the call is not signed as it should be")
    ways = [signed] if signed is not None else []
    return access_by(client.rocketmq, client.peer.host, ways, client.access)


def nobody(client: "GrpcClient") -> Access:
    """Return what those may do who do not say who they are."""
    return Access(client.rocketmq.broker.users, ANONYMOUS, client.peer.host, proved=False)
