"""Who sends a request: each says so by itself, signed with a secret; or nobody need say so."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from anymq.core.rights.access import ANONYMOUS, Access
from anymq.protocols.rocketmq import signatures
from anymq.protocols.rocketmq.codec import Frame
from anymq.protocols.rocketmq.errors import Denied
from anymq.protocols.rocketmq.signatures import Signed
from anymq.protocols.session import is_loopback
from anymq.security.gate import Claim

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.rocketmq import RocketMq
    from anymq.protocols.rocketmq.session import RocketMqSession

PROTOCOL = "rocketmq"


def access_of(client: "RocketMqSession", frame: Frame) -> Access:
    """Return what the sender of this request may do; refuse one that is not who it says it is."""
    signed = signatures.of_request(frame.ext, frame.body)
    client.access = access_by(client.rocketmq, client.peer.host, signed, client.access)
    return client.access


def access_by(
    rocketmq: "RocketMq", host: str, signed: Sequence[Signed], before: Access | None
) -> Access:
    """Return what may do who signed so (in one of these ways); `before`: who it was until now."""
    if not signed:
        if rocketmq.settings.require_login:
            raise Denied("the request is not signed: a user and its secret are needed")
        if before is None or before.user != ANONYMOUS:
            return Access(rocketmq.broker.users, ANONYMOUS, host, proved=False)
        return before
    user = signed[0].user
    claim = Claim(user, "", host, PROTOCOL)
    _check_place(rocketmq, user, host)
    secret = secret_of(rocketmq, user)
    is_new = before is None or before.user != user
    if is_new and not rocketmq.gate.may_try(claim):
        raise Denied("too many wrong signatures: it has to wait")
    # The same, as slowly, for a name that nobody has: who guesses learns nothing.
    right = any(one.is_by(secret or "") for one in signed)
    if secret is None or not right:
        rocketmq.gate.tried(claim, right=False)
        raise Denied(f"check signature failed: the user {user[:255]}, or its secret, is wrong")
    if before is None or is_new:
        rocketmq.gate.tried(claim, right=True)
        return Access(rocketmq.broker.users, user, host)
    return before


def secret_of(rocketmq: "RocketMq", user: str) -> str | None:
    """Return what a user signs with: a secret of its own, else its password in the configuration.

    None: there is no such user, or only hashes are kept of its password.
    """
    if user not in rocketmq.users:
        return None
    return rocketmq.broker.users.secrets.of(user) or rocketmq.users.password(user)


def _check_place(rocketmq: "RocketMq", user: str, host: str) -> None:
    if user in rocketmq.settings.loopback_users and not is_loopback(host):
        raise Denied(f"the user {user} can only connect via localhost")
