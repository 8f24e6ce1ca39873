"""Passwords, kept as what they can be checked by: what we store lets nobody log in.

SCRAM verifiers (RFC 5802) let clients log in without sending the password; argon2id (RFC 9106) is
slow to guess, as it takes memory.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type, hash_secret, verify_secret

ITERATIONS = 4096
ITERATIONS_MAX = 1_000_000
SALT_BYTES = 16

ARGON2ID = "argon2id"
RABBITMQ = "rabbitmq"
ARGON2ID_PREFIX = "$argon2id$"
# What OWASP's cheat sheet names first for servers: about 20 ms, and 19 MiB meanwhile.
ARGON2ID_KIB, ARGON2ID_PASSES, ARGON2ID_LANES, ARGON2ID_BYTES = 19_456, 2, 1, 32
ARGON2ID_KIB_MAX, ARGON2ID_PASSES_MAX = 256 * 1024, 20  # of hashes made elsewhere


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


@dataclass(frozen=True, slots=True)
class Proved:
    """What came of looking at a password."""

    right: bool
    better: tuple[str, ...] = ()  # what is to be kept of it from now on, if that is more


KEPT = (ARGON2ID, *(each.value for each in Mechanism))


def proofs_of(password: str, kept: Sequence[str] = KEPT) -> tuple[str, ...]:
    """Return all that is kept of a password. Slow by design."""
    return tuple(_proof(password, form) for form in kept)


def _proof(password: str, form: str) -> str:
    if form == ARGON2ID:
        return argon2id(password)
    if form == RABBITMQ:
        return f"rabbit_password_hashing_sha256${to_rabbitmq_hash(password)}"
    return to_text(derive(password, Mechanism(form)))


def argon2id(password: str) -> str:
    """Hash a password; the text says how."""
    return hash_secret(
        password.encode(),
        secrets.token_bytes(SALT_BYTES),
        ARGON2ID_PASSES,
        ARGON2ID_KIB,
        ARGON2ID_LANES,
        ARGON2ID_BYTES,
        Type.ID,
    ).decode()


def matches_argon2id(proof: str, password: str) -> bool:
    """Is this the password that was hashed?"""
    try:
        return verify_secret(proof.encode(), password.encode(), Type.ID)
    except (VerificationError, InvalidHashError):
        return False


def check_argon2id(proof: str) -> None:
    """Refuse what is none, or what would take too long; ValueError says so."""
    try:
        parameters = extract_parameters(proof)
    except InvalidHashError:
        raise ValueError("this is no hash of argon2id") from None
    if parameters.memory_cost > ARGON2ID_KIB_MAX or parameters.time_cost > ARGON2ID_PASSES_MAX:
        raise ValueError("this hash of argon2id takes too much memory, or too long")


def is_kept_as(proof: str) -> str:
    """Return the form that a proof has; empty: it is a password."""
    if proof.startswith(ARGON2ID_PREFIX):
        return ARGON2ID
    head = proof.partition("$")[0]
    if head in _RABBITMQ_HASHES:
        return RABBITMQ
    return head if head in {each.value for each in Mechanism} else ""


def better(proofs: Sequence[str], password: str, kept: Sequence[str]) -> tuple[str, ...]:
    """Return what is to be kept of a password from now on; empty: what is.

    Verifiers stay as they are: mechanisms may have been given different passwords.
    """
    of_form = {is_kept_as(proof): proof for proof in proofs}
    wanted = [form for form in kept if form in (ARGON2ID, RABBITMQ)]
    made = [of_form.get(form) or _proof(password, form) for form in wanted]
    verifiers = [proof for proof in proofs if mechanism_of(proof) is not None]
    if not verifiers:
        verifiers = [_proof(password, form) for form in kept if form not in wanted]
    found = (*made, *verifiers)
    return () if set(found) == set(proofs) else found


# What RabbitMQ keeps: four bytes of salt, and the hash of salt and password. Weaker than a
# verifier, as it is quick to guess: taken from definitions, made only where that is wished for.

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


def check_verifier(text: str) -> None:
    """Refuse (ValueError) what is not kept of a password, above all one in clear."""
    kind, _, rest = text.partition("$")
    if kind in _RABBITMQ_HASHES:
        from_rabbitmq_hash(rest, kind)
    elif text.startswith(ARGON2ID_PREFIX):
        check_argon2id(text)
    else:
        from_text(text)


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
