"""Settled: which positions are done with.

All below `low`, and above it one bit for each position, in chunks that are only there where
something is settled. Chunks that are full share one number. Measured (benchmarks/micro/settled.py):
10 million positions, every other one settled, take 5 MB.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from anymq.storage import varints

_SHIFT = 10
_CHUNK = 1 << _SHIFT
_LAST = _CHUNK - 1
_FULL = (1 << _CHUNK) - 1
_BYTES = _CHUNK // 8
_BITS = [1 << at for at in range(_CHUNK)]

Runs = tuple[tuple[int, int], ...]


class Settled:
    """A set of positions: all below `low`, and some above."""

    __slots__ = ("_chunks", "low")

    def __init__(self, low: int = 0) -> None:
        self.low = low
        self._chunks: dict[int, int] = {}  # what is below `low` in a chunk does not matter

    def add(self, positions: Sequence[int]) -> None:
        """These are settled; in any order, and harmless when they were."""
        chunks, low = self._chunks, self.low
        key, mask = -1, 0
        for position in positions:
            if position >> _SHIFT != key:
                if mask:
                    self._put(key, mask)
                key, mask = position >> _SHIFT, 0
            if position >= low:
                mask |= _BITS[position & _LAST]
        if mask:
            self._put(key, mask)
        if low >> _SHIFT in chunks:
            self._advance()

    def add_range(self, first: int, end: int) -> None:
        """Everything from `first` to before `end` is settled."""
        if first <= self.low:
            if end > self.low:
                self._raise(end)
                self._advance()
            return
        for key, mask in _masks(first, end):
            self._put(key, mask)

    def __contains__(self, position: int) -> bool:
        if position < self.low:
            return True
        return self._chunks.get(position >> _SHIFT, 0) & _BITS[position & _LAST] != 0

    @property
    def end(self) -> int:
        """Above this, nothing is settled."""
        if not self._chunks:
            return self.low
        key = max(self._chunks)
        return max(self.low, (key << _SHIFT) + self._chunks[key].bit_length())

    def next_unsettled(self, at: int) -> int:
        """Return the first position from `at` on that is not settled."""
        at = max(at, self.low)
        chunks = self._chunks
        while (mask := chunks.get(at >> _SHIFT, 0)) and mask & _BITS[at & _LAST]:
            ones = _ones_from(mask, at & _LAST)
            at += ones
        return at

    def count(self, first: int, end: int) -> int:
        """Return how many from `first` to before `end` are settled."""
        low = min(max(self.low, first), end)
        found = max(low - first, 0)
        chunks = self._chunks
        if not chunks or low >= end:
            return found
        if (end - low) >> _SHIFT > len(chunks):
            return found + sum(_count_in(key, mask, low, end) for key, mask in chunks.items())
        for key in range(low >> _SHIFT, (end - 1 >> _SHIFT) + 1):
            if mask := chunks.get(key, 0):
                found += _count_in(key, mask, low, end)
        return found

    def unsettled_count(self, first: int, end: int) -> int:
        """Return how many from `first` to before `end` are not settled."""
        return max(end - first, 0) - self.count(first, end)

    def unsettled_runs(self, first: int, end: int) -> Runs:
        """Return the runs (first, end) of what is not settled: a snapshot, for any thread."""
        runs: list[tuple[int, int]] = []
        at = self.next_unsettled(first)
        while at < end:
            stop = min(self._next_settled(at, end), end)
            runs.append((at, stop))
            at = self.next_unsettled(stop)
        return tuple(runs)

    def encode(self) -> bytes:
        """Write it down: full chunks as runs, the others bit by bit."""
        number = varints.encode
        parts = [number(self.low)]
        before = 0
        for key, count, mask in _entries(self._chunks):
            parts += (number(key - before), number(count))
            if not count:
                parts.append(mask.to_bytes(_BYTES, "little"))
            before = key
        return b"".join(parts)

    @classmethod
    def decode(cls, data: bytes) -> "Settled":
        """Read what `encode` wrote. IndexError, ValueError when it cannot be."""
        low, at = varints.decode(data, 0)
        settled = cls(low)
        chunks, key = settled._chunks, 0
        while at < len(data):
            step, at = varints.decode(data, at)
            count, at = varints.decode(data, at)
            key += step
            if count:
                chunks.update((key + i, _FULL) for i in range(count))
            else:
                at += _BYTES
                if at > len(data):
                    raise ValueError("the settled positions are cut")
                chunks[key] = int.from_bytes(data[at - _BYTES : at], "little")
        return settled

    # Within

    def _put(self, key: int, mask: int) -> None:
        chunks = self._chunks
        if key in chunks:
            mask |= chunks[key]
        chunks[key] = mask if mask != _FULL else _FULL

    def _raise(self, low: int) -> None:
        """Everything below `low` is settled: its chunks go."""
        chunks = self._chunks
        first, last = self.low >> _SHIFT, low >> _SHIFT
        self.low = low
        if chunks and last > first:
            keys = range(first, last) if last - first < len(chunks) else list(chunks)
            for key in keys:
                if key < last:
                    chunks.pop(key, None)
        if last in chunks and chunks[last].bit_length() <= low & _LAST:
            del chunks[last]

    def _advance(self) -> None:
        low = self.next_unsettled(self.low)
        if low > self.low:
            self._raise(low)

    def _next_settled(self, at: int, end: int) -> int:
        """Return the first position from `at` on that is settled, or something not below `end`."""
        chunks = self._chunks
        while at < end:
            rest = chunks.get(at >> _SHIFT, 0) >> (at & _LAST)
            if rest:
                return at + (rest & -rest).bit_length() - 1
            at = ((at >> _SHIFT) + 1) << _SHIFT
        return end


class Positions(Protocol):
    """Some positions."""

    def __contains__(self, position: int) -> bool:
        """Is it one of them?"""


class Hidden:
    """The positions of a line that are fresh no more, though all around them may be.

    Only where somebody claimed messages from the middle: else what is settled says it all.
    """

    def __init__(
        self, settled: Positions, out: Mapping[int, object], back: Mapping[int, object]
    ) -> None:
        self._settled = settled
        self._out = out
        self._back = back

    def __contains__(self, position: int) -> bool:
        return position in self._settled or position in self._out or position in self._back


def runs_without(some: Iterable[int], first: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the runs within first..end that have none of these."""
    for one in sorted(p for p in some if first <= p < end):
        if first < one:
            yield first, one
        first = one + 1
    yield first, end


def _ones_from(mask: int, at: int) -> int:
    """Return how many bits are set from `at` on without a gap."""
    if mask is _FULL:
        return _CHUNK - at
    rest = mask >> at
    return (~rest & (rest + 1)).bit_length() - 1


def _masks(first: int, end: int) -> Iterator[tuple[int, int]]:
    """Return the chunks that a range touches, and its bits there."""
    while first < end:
        key = first >> _SHIFT
        stop = min(end, (key + 1) << _SHIFT)
        size = stop - first
        yield key, _FULL if size == _CHUNK else ((1 << size) - 1) << (first & _LAST)
        first = stop


def _count_in(key: int, mask: int, low: int, end: int) -> int:
    """Return how many bits of this chunk are set and lie within low..end."""
    base = key << _SHIFT
    if low <= base and end >= base + _CHUNK:
        return mask.bit_count()
    first, last = max(low - base, 0), min(end - base, _CHUNK)
    return (mask >> first & (1 << last - first) - 1).bit_count() if last > first else 0


def _entries(chunks: dict[int, int]) -> Iterable[tuple[int, int, int]]:
    """Return (key, how many full ones from there on, else 0, mask), in order."""
    keys = sorted(chunks)
    at = 0
    while at < len(keys):
        key, stop = keys[at], at
        while stop < len(keys) and keys[stop] - key == stop - at and chunks[keys[stop]] == _FULL:
            stop += 1
        yield key, stop - at, chunks[key]
        at = max(stop, at + 1)
