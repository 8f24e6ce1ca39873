"""Passwords, kept as SCRAM verifiers: what we store lets nobody log in (RFC 5802)."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
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
    return of_salted(salted, mechanism, salt, iterations)


def of_salted(salted: bytes, mechanism: Mechanism, salt: bytes, iterations: int) -> Verifier:
    """Make the verifier of a password that was salted elsewhere."""
    name = mechanism.hash_name
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


def mechanism_of(proof: str) -> Mechanism | None:
    """Return the mechanism that a proof is a verifier of; None: it is something else."""
    name = proof.partition("$")[0]
    return next((one for one in Mechanism if one.value == name), None)


def proofs_of(password: str) -> tuple[str, ...]:
    """Return all that is kept of a password."""
    return tuple(to_text(derive(password, mechanism)) for mechanism in Mechanism)


# What RabbitMQ keeps: four bytes of salt, and the hash of salt and password. Weaker than a
# verifier, as it is quick to guess: taken from definitions, never kept of a
# password that we know.

RABBITMQ_SALT_BYTES = 4
_RABBITMQ_HASHES = {
    "rabbit_password_hashing_sha256": "sha256",
    "rabbit_password_hashing_sha512": "sha512",
}


def from_rabbitmq_hash(hashed: str, algorithm: str = "") -> str:
    """Return how a hash of RabbitMQ is kept; ValueError when it is none."""
    algorithm = algorithm or "rabbit_password_hashing_sha256"
    name = _RABBITMQ_HASHES.get(algorithm)
    if name is None:
        raise ValueError(f"{algorithm} is not supported")
    size = RABBITMQ_SALT_BYTES + hashlib.new(name).digest_size
    if len(base64.b64decode(hashed, validate=True)) != size:
        raise ValueError(f"{algorithm} has {size} bytes")
    return f"{algorithm}${hashed}"


def to_rabbitmq_hash(password: str) -> str:
    """Return the hash that RabbitMQ keeps of a password: for its definitions, not for ours."""
    salt = secrets.token_bytes(RABBITMQ_SALT_BYTES)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def as_rabbitmq_hash(proofs: Iterable[str]) -> tuple[str, str]:
    """Return algorithm and hash, where the password came as such; else two empty texts."""
    for proof in proofs:
        algorithm, _, hashed = proof.partition("$")
        if algorithm in _RABBITMQ_HASHES:
            return algorithm, hashed
    return "", ""


def matches_rabbitmq_hash(proofs: Iterable[str], password: str) -> bool:
    """Is this the password that RabbitMQ's hash among these proofs was made of?"""
    algorithm, hashed = as_rabbitmq_hash(proofs)
    if not algorithm:
        return False
    raw = base64.b64decode(hashed)
    salt, digest = raw[:RABBITMQ_SALT_BYTES], raw[RABBITMQ_SALT_BYTES:]
    made = hashlib.new(_RABBITMQ_HASHES[algorithm], salt + password.encode()).digest()
    return hmac.compare_digest(made, digest)
