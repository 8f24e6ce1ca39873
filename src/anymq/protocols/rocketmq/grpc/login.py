"""Who makes a call: each says so by itself, signed with a secret; or nobody need say so."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from anymq.core.rights.access import ANONYMOUS, Access
from anymq.protocols.rocketmq.errors import Denied

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.grpc.client import GrpcClient


def access_of(client: "GrpcClient", headers: Mapping[str, str]) -> Access:
    """Return what the maker of this call may do; refuse one that is not who it says it is."""
    if client.rocketmq.settings.require_login:
        raise Denied("the call is not signed by a user that is known here")
    return client.access or nobody(client)


def nobody(client: "GrpcClient") -> Access:
    """Return what those may do who do not say who they are."""
    return Access(client.rocketmq.broker.users, ANONYMOUS, client.peer.host, proved=False)
