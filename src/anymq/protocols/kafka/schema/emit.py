"""What decoder and encoder share: lines, indentation, branches by version."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from anymq.protocols.kafka.schema.layout import FIXED
from anymq.protocols.kafka.schema.notation import Api, Field, Versions


class Emitter:
    """Python source in the making."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.lines: list[str] = []
        self.layouts: set[str] = set()
        self._depth = 1
        self._count = 0

    def add(self, *lines: str) -> None:
        """Write lines."""
        self.lines.extend("    " * self._depth + line for line in lines)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Write a line, and what follows one step further in. An empty `else:` goes again."""
        self.add(head)
        size = len(self.lines)
        self._depth += 1
        yield
        if len(self.lines) == size and head == "else:":
            self.lines.pop()
        elif len(self.lines) == size:
            self.add("pass")
        self._depth -= 1

    def by_version(self, ranges: Sequence[Versions]) -> Iterator[Versions]:
        """Step through ranges of versions, the newest first: each is a branch of its own."""
        if len(ranges) == 1:
            yield ranges[0]
            return
        for number, one in enumerate(ranges):
            head = f"version >= {one.low}:"
            head = "else:" if one is ranges[-1] else f"{'elif' if number else 'if'} {head}"
            with self.block(head):
                yield one

    def number(self) -> int:
        """Return a new number, to make the names of local variables different."""
        self._count += 1
        return self._count - 1

    def layout(self, fields: list[Field], last: str = "") -> tuple[str, int]:
        """Return the name and the size of a struct with these fields."""
        code = "".join(FIXED[f.type][0] for f in fields) + last
        self.layouts.add(code)
        size = sum(FIXED[f.type][1] for f in fields)
        return layout_name(code), size


def layout_name(code: str) -> str:
    """Return what a struct layout is called in the generated code."""
    return code.replace("16s", "u").replace("?", "t")
