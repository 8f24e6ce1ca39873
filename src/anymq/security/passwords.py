"""Passwords, kept as SCRAM verifiers: what we store lets nobody log in (RFC 5802)."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from enum import Enum

ITERATIONS = 4096
ITERATIONS_MAX = 1_000_000
SALT_BYTES = 16


class Mechanism(Enum):
    """The SCRAM mechanisms, by their SASL names, and the hash of each."""

    SHA_256 = "SCRAM-SHA-256"
    SHA_512 = "SCRAM-SHA-512"

    @property
    def hash_name(self) -> str:
        """What hashlib calls it."""
        return "sha256" if self is Mechanism.SHA_256 else "sha512"


@dataclass(frozen=True, slots=True)
class Verifier:
    """Enough to check a password, too little to use it."""

    mechanism: Mechanism
    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes

    def matches(self, password: str) -> bool:
        """Is this the password?"""
        other = derive(password, self.mechanism, self.salt, self.iterations)
        return hmac.compare_digest(other.stored_key, self.stored_key)


def derive(
    password: str,
    mechanism: Mechanism,
    salt: bytes | None = None,
    iterations: int = ITERATIONS,
) -> Verifier:
    """Make the verifier of a password."""
    name = mechanism.hash_name
    salt = secrets.token_bytes(SALT_BYTES) if salt is None else salt
    salted = hashlib.pbkdf2_hmac(name, password.encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", name)
    stored_key = hashlib.new(name, client_key).digest()
    return Verifier(
        mechanism, salt, iterations, stored_key, hmac.digest(salted, b"Server Key", name)
    )


def to_text(verifier: Verifier) -> str:
    """Write a verifier as configuration files hold it (the form PostgreSQL uses, too)."""
    salt, stored, server = (
        base64.b64encode(part).decode()
        for part in (verifier.salt, verifier.stored_key, verifier.server_key)
    )
    return f"{verifier.mechanism.value}${verifier.iterations}:{salt}${stored}:{server}"


def from_text(text: str) -> Verifier:
    """Read a verifier; ValueError when it is none."""
    name, head, keys = text.split("$")
    iterations, salt = head.split(":")
    stored, server = keys.split(":")
    if not 0 < int(iterations) <= ITERATIONS_MAX:
        raise ValueError("iterations out of range")
    parts = [base64.b64decode(part, validate=True) for part in (salt, stored, server)]
    return Verifier(Mechanism(name), parts[0], int(iterations), parts[1], parts[2])
