"""The server's side of SCRAM (RFC 5802, RFC 7677), without a socket."""

import base64
import hashlib
import hmac
import secrets

from anymq.security.passwords import Mechanism, Verifier
from anymq.security.users import Users

NONCE_BYTES = 18
MESSAGE_BYTES_MAX = 4096


class AuthenticationFailed(Exception):
    """The peer is not who it says it is, or does not speak SCRAM."""


class ScramServer:
    """Two messages in, two out; then `user` is who it is."""

    def __init__(self, users: Users, mechanism: Mechanism) -> None:
        self.user: str | None = None
        self._users = users
        self._mechanism = mechanism
        self.name = ""  # as the peer says
        self._known = False
        self._verifier: Verifier | None = None
        self._exchanged = ""
        self._nonce = ""
        self._client_nonce = ""
        self._header = ""

    def step(self, message: bytes) -> bytes:
        """Answer the peer's next message; AuthenticationFailed ends it."""
        try:
            if len(message) > MESSAGE_BYTES_MAX:
                raise ValueError("too long")
            text = message.decode()
            return (self._first(text) if self._verifier is None else self._final(text)).encode()
        except (ValueError, KeyError, IndexError):
            raise AuthenticationFailed("malformed SCRAM message") from None

    def _first(self, text: str) -> str:
        binding, authorization, bare = text.split(",", 2)
        if binding not in ("n", "y"):
            raise AuthenticationFailed("channel binding is not supported")
        self._header = f"{binding},{authorization},"
        fields = _fields(bare)
        self.name = fields["n"].replace("=2C", ",").replace("=3D", "=")
        if authorization not in ("", f"a={fields['n']}"):
            raise AuthenticationFailed("acting for another user is not supported")
        found = self._users.verifier(self.name, self._mechanism)
        self._known = found is not None
        self._verifier = verifier = found or self._users.nobody(self.name, self._mechanism)
        self._client_nonce = fields["r"]
        self._nonce = fields["r"] + base64.b64encode(secrets.token_bytes(NONCE_BYTES)).decode()
        salt = base64.b64encode(verifier.salt).decode()
        answer = f"r={self._nonce},s={salt},i={verifier.iterations}"
        self._exchanged = f"{bare},{answer}"
        return answer

    def _final(self, text: str) -> str:
        assert self._verifier is not None
        unproved, _, proof = text.rpartition(",p=")
        fields = _fields(unproved)
        if base64.b64decode(fields["c"], validate=True).decode() != self._header:
            raise AuthenticationFailed("channel binding differs")
        # librdkafka before 2.6.1, so kcat of every distribution, puts its own nonce before ours a
        # second time. What is proved covers our nonce all the same: it is in our first answer.
        if fields["r"] not in (self._nonce, self._client_nonce + self._nonce):
            raise AuthenticationFailed("nonce differs")
        signed = f"{self._exchanged},{unproved}".encode()
        if not self._proves(base64.b64decode(proof, validate=True), signed) or not self._known:
            raise AuthenticationFailed(f"wrong user name or password for {self.name!r}")
        self.user = self.name
        name = self._mechanism.hash_name
        signature = hmac.digest(self._verifier.server_key, signed, name)
        return f"v={base64.b64encode(signature).decode()}"

    def _proves(self, proof: bytes, signed: bytes) -> bool:
        assert self._verifier is not None
        name = self._mechanism.hash_name
        signature = hmac.digest(self._verifier.stored_key, signed, name)
        if len(proof) != len(signature):
            return False
        client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
        return hmac.compare_digest(
            hashlib.new(name, client_key).digest(), self._verifier.stored_key
        )


def _fields(text: str) -> dict[str, str]:
    return {part[0]: part[2:] for part in text.split(",") if part[1:2] == "="}
