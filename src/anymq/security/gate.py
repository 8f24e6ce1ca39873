"""Gate: is this the password? Looked at apart from the loop, seldom, and never by who guesses.

Deriving a key is slow by design, so it runs in a helper thread; what was looked at before is known
at once. The same wrong password again is no new guess: a client that was configured wrong, and
tries for ever, costs nothing and locks out nobody.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

from anymq.observability.log import Log
from anymq.security.attempts import Attempts
from anymq.security.authenticator import Authenticator
from anymq.security.passwords import Proved
from anymq.security.tokens import Identity, TokenRefused, Tokens, is_token
from anymq.security.users import Users

log = Log(__name__)

WAITING_MAX = 500  # different passwords that wait for their turn: more are told to come again


class Verdict(Enum):
    """What comes of it, and what the log says."""

    RIGHT = "right"
    WRONG = "wrong user name or password"
    TOO_OFTEN = "too many wrong passwords: it has to wait"
    BUSY = "too many log in at once"


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody says who he is."""

    name: str
    password: str
    host: str  # the address it comes from
    protocol: str


Then = Callable[[Verdict], None]
LoggedIn = Callable[[Verdict, str], None]  # as whom
Lend = Callable[[Identity], bool]  # False: the name is another's
# Run something slow; then, on the broker's thread, tell what came of it.
Run = Callable[[Callable[[], Any], Callable[[Any], None]], None]


def here_and_now(work: Callable[[], Any], then: Callable[[Any], None]) -> None:
    """Run it at once: where nobody else waits."""
    then(work())


class Gate:
    """One for all protocols: who is locked out of one does not go on at another."""

    def __init__(self, attempts: Attempts, run: Run = here_and_now) -> None:
        self.attempts = attempts
        self.run = run  # what takes long, apart from the loop
        # Where tokens are taken: what looks at them, and who lends the rights they speak of.
        self.tokens: Tokens | None = None
        self.lend: Lend = _lend_nothing
        self.authenticators: Sequence[Authenticator] = ()  # who know more names than we do
        self._identities_waiting = 0
        self._waiting: dict[bytes, list[tuple[Claim, Then]]] = {}

    def check(self, users: Users, claim: Claim, then: Then) -> None:
        """Say whether this is the password; at once, if that is known."""
        if self.attempts.wait_s(claim.name, claim.host) > 0:
            self._tell(claim, then, Verdict.TOO_OFTEN)
            return
        known = users.known(claim.name, claim.password)
        if known is not None:
            self._tell(claim, then, Verdict.RIGHT if known else Verdict.WRONG)
        else:
            self._look(users, claim, then)

    def log_in(self, users: Users, claim: Claim, then: LoggedIn) -> None:
        """Say whether this is the password, or a token, and who it is then."""
        if self.tokens is not None and is_token(claim.password):
            self._look_at(claim, partial(_identity, self.tokens, claim.password), then)
        elif not self.authenticators or claim.name in users or not claim.password:
            self.check(users, claim, lambda verdict: then(verdict, claim.name))
        elif self.attempts.wait_s(claim.name, claim.host) > 0:
            self._tell(claim, lambda verdict: then(verdict, claim.name), Verdict.TOO_OFTEN)
        else:
            self.attempts.charge(claim.name, claim.host)
            self._look_at(claim, partial(_known_elsewhere, self.authenticators, claim), then)

    def _look_at(self, claim: Claim, look: Callable[[], Identity | None], then: LoggedIn) -> None:
        if self._identities_waiting >= WAITING_MAX:
            then(Verdict.BUSY, claim.name)
            return
        self._identities_waiting += 1
        self.run(look, lambda identity: self._identified(claim, identity, then))

    def _identified(self, claim: Claim, identity: Identity | None, then: LoggedIn) -> None:
        self._identities_waiting -= 1
        right = identity is not None and self.lend(identity)
        name = claim.name if identity is None else identity.name
        if right:
            self.attempts.refund(claim.name, claim.host)
        self.attempts.count(claim.protocol, name, claim.host, right=right)
        then(Verdict.RIGHT if right else Verdict.WRONG, name)

    def may_try(self, claim: Claim) -> bool:
        """May this name be tried from there? For mechanisms that show us no password."""
        may = self.attempts.wait_s(claim.name, claim.host) == 0
        if not may:
            self.attempts.count(claim.protocol, claim.name, claim.host, right=False)
        return may

    def tried(self, claim: Claim, *, right: bool) -> None:
        """It was tried by such a mechanism."""
        self.attempts.charge(claim.name, claim.host)
        if right:
            self.attempts.refund(claim.name, claim.host)
        self.attempts.count(claim.protocol, claim.name, claim.host, right=right)

    def _look(self, users: Users, claim: Claim, then: Then) -> None:
        key = users.digest(claim.name, claim.password)
        if (waiting := self._waiting.get(key)) is not None:
            waiting.append((claim, then))
            return
        if len(self._waiting) >= WAITING_MAX:
            self._tell(claim, then, Verdict.BUSY)
            return
        # Paid before it is known: else many guesses at once would be free.
        self.attempts.charge(claim.name, claim.host)
        self._waiting[key] = [(claim, then)]
        self.run(
            users.prover(claim.name, claim.password),
            lambda proved: self._looked(users, key, proved),
        )

    def _looked(self, users: Users, key: bytes, proved: Proved) -> None:
        waiting = self._waiting.pop(key)
        first = waiting[0][0]
        right = users.learn(first.name, first.password, key, proved)
        if right:
            self.attempts.refund(first.name, first.host)
        for claim, then in waiting:
            self._tell(claim, then, Verdict.RIGHT if right else Verdict.WRONG)

    def _tell(self, claim: Claim, then: Then, verdict: Verdict) -> None:
        right = verdict is Verdict.RIGHT
        self.attempts.count(claim.protocol, claim.name, claim.host, right=right)
        then(verdict)


def _identity(tokens: Tokens, token: str) -> Identity | None:
    try:
        return tokens.identify(token)
    except TokenRefused as refused:
        log.warning("a token was refused", reason=refused)
        return None


def _known_elsewhere(authenticators: Sequence[Authenticator], claim: Claim) -> Identity | None:
    """Ask one after the other. One that fails knows nobody."""
    for one in authenticators:
        try:
            identity = one.identify(claim.name, claim.password, claim.host)
        except Exception:
            log.exception("an authenticator failed", name=type(one).__name__)
            continue
        if identity is not None and identity.name == claim.name:
            return identity
    return None


def _lend_nothing(_identity: Identity) -> bool:
    return False
