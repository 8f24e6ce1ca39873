"""Dying: a computer that is killed, or loses its power, before each of its system calls."""

from collections.abc import Callable
from random import Random

from anymq.testing.simfs import SimFiles

# What is left on the disk, chance, and whether it was the power.
Look = Callable[[SimFiles, Random, bool], None]


class Dying:
    """Looks at what is left at each system call, `most` times in all; and goes on as if nothing
    had been. `killed` is the share of kills, the rest are power cuts.
    """

    def __init__(
        self, files: SimFiles, seed: int, most: int, look: Look, *, killed: float, share: float = 1
    ) -> None:
        self.count = 0
        self._files = files
        self._rng = Random(~seed)
        self._most = most
        self._look = look
        self._killed = killed
        self._share = share
        files.on_syscall = self._die

    def end(self, *, looking: bool = True) -> int:
        """Look at the end, too; die no more. Return how often it was looked."""
        if looking:
            self._die("the end", "")
        self._files.on_syscall = None
        return self.count

    def _die(self, op: str, path: str) -> None:
        if self.count >= self._most or self._rng.random() >= self._share:
            return
        self.count += 1
        rng = Random(self._rng.randrange(2**32))
        power_cut = self._rng.random() >= self._killed
        image = self._files.crash(rng) if power_cut else self._files.killed()
        try:
            self._look(image, rng, power_cut)
        except Exception as error:
            kind = "power cut" if power_cut else "kill"
            raise AssertionError(
                f"{kind} before {op} of {path!r}, image {self.count}: {error!r}"
            ) from error
