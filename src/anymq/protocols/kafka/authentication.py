"""Who the peer is: SASL as Kafka carries it (handshake, then tokens)."""

import re
from collections.abc import Callable, Sequence
from functools import partial

from anymq.core.errors import NotAllowed
from anymq.core.rights.access import ANONYMOUS
from anymq.protocols.session import is_loopback
from anymq.security.gate import Claim, Gate, Verdict
from anymq.security.passwords import Mechanism
from anymq.security.scram import AuthenticationFailed
from anymq.security.scram_login import ScramLogin
from anymq.security.tokens import is_token
from anymq.security.users import Users

PLAIN = "PLAIN"
OAUTHBEARER = "OAUTHBEARER"
TOKEN_BYTES_MAX = 64 * 1024
PROTOCOL = "kafka"

_BEARER = re.compile(
    rb"n,[^,\x01]*,\x01(?:[A-Za-z]+=[^\x01]*\x01)*?auth=[Bb]earer ([!-~]+)\x01"
    rb"(?:[A-Za-z]+=[^\x01]*\x01)*\x01"
)

Stepped = Callable[[bytes | AuthenticationFailed], None]


def _everybody(_user: str) -> None:
    """Let anybody in."""


class Authentication:
    """One connection's way from nobody to somebody."""

    def __init__(
        self,
        mechanisms: Sequence[str],
        users: Users,
        gate: Gate,
        *,
        required: bool,
        host: str = "",
        loopback_users: Sequence[str] = (),
        admit: Callable[[str], None] = _everybody,
    ) -> None:
        """`host` is where the peer is; some users may only come from this machine itself.

        `admit` is told of whoever has proved who he is; NotAllowed: there are too many.
        """
        self._admit = admit
        self.mechanisms = tuple(mechanisms)
        self._barred = () if is_loopback(host) else tuple(loopback_users)
        self.user = "" if required else ANONYMOUS
        self.raw_tokens = False
        self._certified = False  # did a certificate prove it?
        self.checking = False  # is a password looked at?
        self._users = users
        self._gate = gate
        self._host = host
        self._mechanism: str | None = None
        self._scram: ScramLogin | None = None

    @property
    def done(self) -> bool:
        """Do we know who it is?"""
        return bool(self.user)

    def is_shown(self, user: str) -> bool:
        """A certificate names this user; False: he may not come from there."""
        if user in self._barred:
            return False
        self.user, self._certified = user, True
        return True

    def choose(self, mechanism: str, *, raw: bool) -> bool:
        """Start over with this mechanism; False when the listener does not offer it.

        `raw` is the old handshake (version 0), after which tokens come without a request around.
        """
        if mechanism not in self.mechanisms:
            return False
        self.user, self._certified = "", False
        self._mechanism = mechanism
        by_secret = mechanism in (PLAIN, OAUTHBEARER)
        self._scram = None if by_secret else self._new_scram(Mechanism(mechanism))
        self.raw_tokens = raw
        return True

    @property
    def logged_in(self) -> bool:
        """Has it proven who it is?"""
        return self.done and (self.chosen or self._certified)

    @property
    def chosen(self) -> bool:
        """Was a mechanism agreed on?"""
        return self._mechanism is not None

    @property
    def mechanism(self) -> str:
        """Which one; empty: none."""
        return self._mechanism or ""

    def step(self, token: bytes, then: Stepped) -> None:
        """Answer a token, or say why not; at once, unless a password has to be looked at."""
        self.checking = True
        try:
            if self._mechanism is None or len(token) > TOKEN_BYTES_MAX:
                raise AuthenticationFailed("no mechanism was chosen")
            if self._scram is None:
                bearer = self._mechanism == OAUTHBEARER
                claim = self._bearer(token) if bearer else self._plain(token)
                self._gate.log_in(self._users, claim, partial(self._judge, then))
            else:
                answer = self._scram.step(token)
                self._become(self._scram.user)
                self._end(answer, then)
        except AuthenticationFailed as error:
            self._end(error, then)

    def on_raw_token(self, token: bytes, then: Stepped) -> None:
        """Answer a token of the old kind."""

        def stepped(answer: bytes | AuthenticationFailed) -> None:
            self.raw_tokens = not self.done
            then(answer)

        self.step(token, stepped)

    def _judge(self, then: Stepped, verdict: Verdict, user: str) -> None:
        try:
            if verdict is not Verdict.RIGHT:
                raise AuthenticationFailed(verdict.value)
            self._become(user)
        except AuthenticationFailed as error:
            self._end(error, then)
        else:
            self._end(b"", then)

    def _become(self, user: str) -> None:
        if user in self._barred:
            raise AuthenticationFailed(f"user {user!r} can only connect via localhost")
        if user:
            self._let_in(user)
        self.user = user

    def _let_in(self, user: str) -> None:
        try:
            self._admit(user)
        except NotAllowed as refused:
            raise AuthenticationFailed(str(refused)) from None

    def _end(self, answer: bytes | AuthenticationFailed, then: Stepped) -> None:
        self.checking = False
        then(answer)

    def _new_scram(self, mechanism: Mechanism) -> ScramLogin:
        return ScramLogin(self._gate, self._users, mechanism, host=self._host, protocol=PROTOCOL)

    def _bearer(self, token: bytes) -> Claim:
        """RFC 7628: a header of GS2, then fields."""
        found = _BEARER.fullmatch(token)
        if found is None or not is_token(found[1].decode()):
            raise AuthenticationFailed("malformed OAUTHBEARER token")
        return Claim("", found[1].decode(), self._host, PROTOCOL)

    def _plain(self, token: bytes) -> Claim:
        try:
            authorization, name, password = token.decode().split("\0")
        except ValueError:
            raise AuthenticationFailed("malformed PLAIN token") from None
        if authorization not in ("", name):
            raise AuthenticationFailed("acting for another user is not supported")
        return Claim(name, password, self._host, PROTOCOL)
