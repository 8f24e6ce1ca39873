"""The types that divide messages among their destinations by a hash."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import ClassVar

from typing_extensions import override

from anymq.core.errors import PreconditionFailed
from anymq.core.message import Message, Value
from anymq.core.routing.exchange import (
    Binding,
    Declaration,
    Destination,
    RoutesBy,
    Surroundings,
)
from anymq.core.routing.headers import term
from anymq.core.routing.simple import Bindings

HASH_HEADER, HASH_PROPERTY = "hash-header", "hash-property"
PROPERTIES = ("correlation_id", "message_id", "timestamp")
WEIGHT_MAX = 10_000
_MASK = (1 << 64) - 1


class ConsistentHash(Bindings):
    """To one: each has as many buckets as its binding key says, and keeps those it has.

    Jump consistent hashing (Lamping, Veach): with n buckets more, n/(all) of the keys move.
    """

    description: ClassVar[str] = "Consistent Hashing Exchange"

    def __init__(self, declaration: Declaration, surroundings: Surroundings) -> None:
        super().__init__(declaration, surroundings)
        self._buckets: list[Binding] = []
        self._header: str | None = declaration.arguments.get(HASH_HEADER)
        self._property: str | None = declaration.arguments.get(HASH_PROPERTY)

    @property
    @override
    def keeps(self) -> RoutesBy:
        by_key = self._header is None and self._property is None
        return RoutesBy.KEY if by_key else RoutesBy.MESSAGE

    @override
    def check(self) -> None:
        if self._header is not None and self._property is not None:
            raise PreconditionFailed("hash-header and hash-property are mutually exclusive")
        for value in (self._header, self._property):
            if value is not None and not isinstance(value, str):
                raise PreconditionFailed(f"{HASH_HEADER} and {HASH_PROPERTY} must be text")
        if self._property is not None and self._property not in PROPERTIES:
            raise PreconditionFailed(f"Unsupported property: {self._property}")

    @override
    def check_binding(self, binding: Binding) -> None:
        try:
            weight = int(binding.key)
        except ValueError:
            raise PreconditionFailed(
                f'The binding key must be an integer: <<"{binding.key}">>'
            ) from None
        if weight < 1:
            raise PreconditionFailed("The binding key must be greater than 0")
        if weight > WEIGHT_MAX:
            raise PreconditionFailed(f"The binding key must not exceed {WEIGHT_MAX}")

    @override
    def added(self, binding: Binding) -> None:
        taken = any(one.destination is binding.destination for one in self.bindings)
        super().added(binding)
        if not taken:
            self._buckets += [binding] * int(binding.key)

    @override
    def removed(self, binding: Binding) -> None:
        super().removed(binding)
        before = len(self._buckets)
        self._buckets = [one for one in self._buckets if one is not binding]
        if len(self._buckets) < before:  # another binding to the same place stands in
            same = (one for one in self.bindings if one.destination is binding.destination)
            if (other := next(same, None)) is not None:
                self._buckets += [other] * int(other.key)

    @override
    def route(self, keys: Sequence[str], message: Message) -> Iterable[Destination]:
        if not self._buckets:
            return ()
        bucket = jump(hash_of(self._value(keys, message)), len(self._buckets))
        return (self._buckets[bucket].destination,)

    def _value(self, keys: Sequence[str], message: Message) -> Value:
        if self._header is not None:
            headers = message.read().headers if message.traits.has_headers else {}
            value = headers.get(self._header)
            return value[0] if isinstance(value, list) and value else value
        if self._property is not None:
            return getattr(message.read(), self._property)
        return keys[0]


class ModulusHash(Bindings):
    """To one: the key's hash, modulo the number of destinations in the order of their names."""

    routes_by: ClassVar[RoutesBy] = RoutesBy.KEY
    description: ClassVar[str] = "Modulus Hashing Exchange"

    @override
    def route(self, keys: Sequence[str], message: Message) -> Iterable[Destination]:
        if not self.bindings:
            return ()
        by_name = {(one.kind, one.destination.name): one.destination for one in self.bindings}
        names = sorted(by_name)
        return (by_name[names[hash_of(list(keys)) % len(names)]],)


def hash_of(value: Value) -> int:
    """Return 64 bits that are the same for equal values, after a restart, too."""
    said = repr(term(value)).encode("utf-8", "surrogateescape")
    return int.from_bytes(blake2b(said, digest_size=8).digest(), "little")


def jump(key: int, buckets: int) -> int:
    """Return the bucket of a key."""
    bucket, following = -1, 0
    while following < buckets:
        bucket = following
        key = (key * 2862933555777941757 + 1) & _MASK
        following = int((bucket + 1) * ((1 << 31) / ((key >> 33) + 1)))
    return bucket
