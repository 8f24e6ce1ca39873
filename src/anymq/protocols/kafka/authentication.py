"""Who the peer is: SASL as Kafka carries it (handshake, then tokens)."""

from collections.abc import Sequence

from anymq.core.rights.access import ANONYMOUS
from anymq.protocols.session import is_loopback
from anymq.security.passwords import Mechanism
from anymq.security.scram import AuthenticationFailed, ScramServer
from anymq.security.users import Users

PLAIN = "PLAIN"
TOKEN_BYTES_MAX = 64 * 1024


class Authentication:
    """One connection's way from nobody to somebody."""

    def __init__(
        self,
        mechanisms: Sequence[str],
        users: Users,
        *,
        required: bool,
        host: str = "",
        loopback_users: Sequence[str] = (),
    ) -> None:
        """`host` is where the peer is; some users may only come from this machine itself."""
        self.mechanisms = tuple(mechanisms)
        self._barred = () if is_loopback(host) else tuple(loopback_users)
        self.user = "" if required else ANONYMOUS
        self.raw_tokens = False
        self._users = users
        self._mechanism: str | None = None
        self._scram: ScramServer | None = None

    @property
    def done(self) -> bool:
        """Do we know who it is?"""
        return bool(self.user)

    def choose(self, mechanism: str, *, raw: bool) -> bool:
        """Start over with this mechanism; False when the listener does not offer it.

        `raw` is the old handshake (version 0), after which tokens come without a request around.
        """
        if mechanism not in self.mechanisms:
            return False
        self.user = ""
        self._mechanism = mechanism
        self._scram = None if mechanism == PLAIN else ScramServer(self._users, Mechanism(mechanism))
        self.raw_tokens = raw
        return True

    @property
    def logged_in(self) -> bool:
        """Has it proven who it is?"""
        return self.done and self.chosen

    @property
    def chosen(self) -> bool:
        """Was a mechanism agreed on?"""
        return self._mechanism is not None

    @property
    def mechanism(self) -> str:
        """Which one; empty: none."""
        return self._mechanism or ""

    def step(self, token: bytes) -> bytes:
        """Answer a token; AuthenticationFailed says why not."""
        if self._mechanism is None or len(token) > TOKEN_BYTES_MAX:
            raise AuthenticationFailed("no mechanism was chosen")
        if self._scram is None:
            user, answer = self._plain(token), b""
        else:
            answer = self._scram.step(token)
            user = self._scram.user or ""
        if user in self._barred:
            raise AuthenticationFailed(f"user {user!r} can only connect via localhost")
        self.user = user
        return answer

    def on_raw_token(self, token: bytes) -> bytes | None:
        """Answer a token of the old kind; None: hang up."""
        try:
            answer = self.step(token)
        except AuthenticationFailed:
            return None
        self.raw_tokens = not self.done
        return answer

    def _plain(self, token: bytes) -> str:
        try:
            authorization, name, password = token.decode().split("\0")
        except ValueError:
            raise AuthenticationFailed("malformed PLAIN token") from None
        if authorization not in ("", name):
            raise AuthenticationFailed("acting for another user is not supported")
        if not name or not self._users.check(name, password):
            raise AuthenticationFailed("wrong user name or password")
        return name
