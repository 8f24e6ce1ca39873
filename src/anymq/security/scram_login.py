"""A login by SCRAM at the gate: as passwords are, guesses are counted and slowed down."""

from anymq.security.gate import Claim, Gate, Verdict
from anymq.security.passwords import Mechanism
from anymq.security.scram import AuthenticationFailed, ScramServer
from anymq.security.users import Users


class ScramLogin:
    """Two messages in, two out; then `user` is who it is."""

    def __init__(
        self, gate: Gate, users: Users, mechanism: Mechanism, *, host: str, protocol: str
    ) -> None:
        self._gate = gate
        self._scram = ScramServer(users, mechanism)
        self._host = host
        self._protocol = protocol

    @property
    def user(self) -> str:
        """Who has proved to be that; empty: nobody yet."""
        return self._scram.user or ""

    def step(self, message: bytes) -> bytes:
        """Answer it; AuthenticationFailed. No password is seen: each failure counts as a guess."""
        scram = self._scram
        first = not scram.name
        try:
            answer = scram.step(message)
        except AuthenticationFailed:
            if scram.name and not first:
                self._gate.tried(self._claim, right=False)
            raise
        if first and not self._gate.may_try(self._claim):
            raise AuthenticationFailed(Verdict.TOO_OFTEN.value)
        if scram.user is not None:
            self._gate.tried(self._claim, right=True)
        return answer

    @property
    def _claim(self) -> Claim:
        return Claim(self._scram.name, "", self._host, self._protocol)
