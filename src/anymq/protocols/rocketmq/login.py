"""Who sends a request: each says so by itself, signed with a secret; or nobody need say so."""

from typing import TYPE_CHECKING

from anymq.core.rights.access import ANONYMOUS, Access
from anymq.protocols.rocketmq.codec import Frame
from anymq.protocols.rocketmq.errors import Denied

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.session import RocketMqSession

ACCESS_KEY, SIGNATURE = "AccessKey", "Signature"


def access_of(client: "RocketMqSession", frame: Frame) -> Access:
    """Return what the sender of this request may do; refuse one that is not who it says it is."""
    if client.rocketmq.settings.require_login:
        raise Denied("the request is not signed by a user that is known here")
    if client.access is None:
        users, host = client.rocketmq.broker.users, client.peer.host
        client.access = Access(users, ANONYMOUS, host, proved=False)
    return client.access
