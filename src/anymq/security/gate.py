"""Gate: is this the password? Looked at apart from the loop, seldom, and never by who guesses.

Deriving a key is slow by design, so it runs in a helper thread; what was looked at before is known
at once. The same wrong password again is no new guess: a client that was configured wrong, and
tries for ever, costs nothing and locks out nobody.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from anymq.security.attempts import Attempts
from anymq.security.passwords import Proved
from anymq.security.users import Users

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
Told = Callable[[Proved], None]
# Run something slow; then, on the broker's thread, tell what came of it.
Run = Callable[[Callable[[], Proved], Told], None]


def here_and_now(work: Callable[[], Proved], then: Told) -> None:
    """Run it at once: where nobody else waits."""
    then(work())


class Gate:
    """One for all protocols: who is locked out of one does not go on at another."""

    def __init__(self, attempts: Attempts, run: Run = here_and_now) -> None:
        self.attempts = attempts
        self.run = run  # what takes long, apart from the loop
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
