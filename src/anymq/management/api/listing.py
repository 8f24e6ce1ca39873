"""Lists: filtered, sorted, paged, with the columns that are wanted; a few rows at a time.

However long a list is, each piece of work is short: messages go on in between.
"""

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import islice
from typing import Any, Generic, TypeVar

from anymq.management.api.faults import Fault, bad_request
from anymq.management.http import JSON, Response, encode

ROWS_PER_PIECE = 50
KEYS_PER_PIECE = 500
NAMES_PER_PIECE = 2000
PAGE_SIZE = 100
PAGE_SIZE_MAX = 500
PATTERN_MAX = 200
QUANTIFIERS_MAX = 3
# Steps that a pattern may take, at most, of some ten nanoseconds: for a name, and in one piece.
STEPS_MAX = 300_000
STEPS_PER_PIECE = 150_000

T = TypeVar("T")
Pieces = Generator[bytes, None, T]
Row = Mapping[str, Any]
SortKey = tuple[int, Any]
Query = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rows(Generic[T]):
    """What a list shows: things, and how each looks."""

    things: Sequence[T]
    row: Callable[[T], Row]
    name: Callable[[T], str]
    # Columns that can be told without the whole row: sorting by them costs little.
    columns: Mapping[str, Callable[[T], Any]] = field(default_factory=dict)


def listed(query: Query, rows: Rows[Any]) -> Response:
    """Answer with a list, or the page of it that is asked for."""
    wish = _Wish(query)
    return Response(HTTPStatus.OK, b"", JSON, pieces=_pieces(wish, rows))


def shown(query: Query, row: Row) -> Response:
    """Answer with one thing, of which only some columns may be wanted."""
    return Response(HTTPStatus.OK, encode(_Wish(query).columns_of(row)), JSON)


class _Wish:
    """What the query asks for."""

    def __init__(self, query: Query) -> None:
        self.page, self.size = _page(query)
        self.sort = query.get("sort", "")
        self.reverse = query.get("sort_reverse") == "true"
        self.name = query.get("name", "")
        self.uses_pattern = bool(self.name) and query.get("use_regex") == "true"
        self.steps: Callable[[int], int] = lambda _: 1  # of the pattern, by the length of a name
        self.matches = self._matcher()
        columns = query.get("columns", "")
        self._columns = [one.split(".") for one in columns.split(",") if one]

    def columns_of(self, row: Row) -> Row:
        """Return what is wanted of a row."""
        if not self._columns:
            return row
        wanted: dict[str, Any] = {}
        for path in self._columns:
            _copy(path, row, wanted)
        return wanted

    def _matcher(self) -> Callable[[str], bool]:
        if not self.name:
            return lambda _: True
        if not self.uses_pattern:
            word = self.name.lower()
            return lambda name: word in name.lower()
        pattern = _without_ends(self.name)
        found = _pattern(pattern).search
        self.steps = _steps(pattern)
        return lambda name: found(name) is not None


def _page(query: Query) -> tuple[int, int]:
    """Return page and size; page 0: all."""
    if "page" not in query:
        return 0, 0
    try:
        page = int(query["page"])
        size = int(query.get("page_size", PAGE_SIZE))
    except ValueError:
        raise bad_request("Pagination parameters are invalid") from None
    if page < 1 or not 0 < size <= PAGE_SIZE_MAX:
        said = query.get("page_size", "undefined")
        raise Fault(
            HTTPStatus.BAD_REQUEST,
            "invalid_pagination_parameters",
            f"Invalid pagination parameters: page number {page}, page size {said}",
        )
    return page, size


def _too_long() -> Fault:
    return bad_request("this pattern may take too long: use fewer quantifiers, none on groups")


def _without_ends(text: str) -> str:
    """Return a pattern without `.*` at its ends, where it says nothing and takes its time."""
    text = re.sub(r"\A\^?\.\*(?![?+*{])", "", text)
    return re.sub(r"(?<!\\)\.\*\$?\Z", "", text)


def _plain(text: str) -> str:
    """Return a pattern with a letter for what is escaped or in a class."""
    return re.sub(r"\\[^0-9]|\[\^?\]?[^\]]*\]", "x", text).replace("(?:", "(")


def _quantifiers(plain: str) -> int:
    return len(re.findall(r"[*+?{]", plain))


def _steps(text: str) -> Callable[[int], int]:
    """Return how many steps a pattern may take, by the length of a name.

    Each quantifier may try every end of it, and what is not pinned to the first letter every
    beginning; and of each group all that it may be, for all that the others may be.
    """
    plain = _plain(text)
    pinned = plain.startswith("^") and "|" not in plain
    degree = _quantifiers(plain) + (not pinned)
    branches = (1 + plain.count("|")) ** max(plain.count("("), 1)
    return lambda length: branches * (length + 1) ** degree


def _pattern(text: str) -> re.Pattern[str]:
    """Compile a pattern that cannot take very long: Python's can be stopped by nobody."""
    plain = _plain(text)
    many = _quantifiers(plain) > QUANTIFIERS_MAX
    if len(text) > PATTERN_MAX or many or re.search(r"\)[*+?{]|\\", plain):
        raise _too_long()
    try:
        return re.compile(text, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise bad_request(f"invalid pattern: {error}") from None


def _pieces(wish: _Wish, rows: Rows[Any]) -> Pieces[Response | None]:
    things: list[Any] = []
    if wish.uses_pattern:
        things = yield from _fitting(wish, rows)
    else:
        for some in _in_parts(rows.things, NAMES_PER_PIECE):
            things += [one for one in some if wish.matches(rows.name(one))]
            yield b""
    if not wish.page:
        yield from _whole(wish, rows, things)
        return None
    return (yield from _one_page(wish, rows, things))


def _fitting(wish: _Wish, rows: Rows[Any]) -> Pieces[list[Any]]:
    """Return what fits a pattern. Long names take more of it: too long ones, too much."""
    things: list[Any] = []
    left = STEPS_PER_PIECE
    for thing in rows.things:
        name = rows.name(thing)
        steps = wish.steps(len(name))
        if steps > STEPS_MAX:
            raise _too_long()
        if wish.matches(name):
            things.append(thing)
        left -= steps
        if left < 0:
            left = STEPS_PER_PIECE
            yield b""
    yield b""
    return things


def _whole(wish: _Wish, rows: Rows[Any], things: list[Any]) -> Pieces[None]:
    comma = b"["
    in_order = yield from _sorted(wish, rows, things)
    for some in _in_parts(in_order, ROWS_PER_PIECE):
        made = map(rows.row, some)
        yield comma + b",".join(encode(wish.columns_of(one)) for one in made)
        comma = b","
    yield b"[]" if comma == b"[" else b"]"


def _one_page(wish: _Wish, rows: Rows[Any], things: list[Any]) -> Pieces[Response | None]:
    count, size = len(things), wish.size
    pages = -(-count // size)
    if wish.page > max(1, pages):
        reason = f"Page out of range, page: {wish.page} page size: {size}, len: {count}"
        raise Fault(HTTPStatus.BAD_REQUEST, "page_out_of_range", reason)
    first = (wish.page - 1) * size
    in_order = yield from _sorted(wish, rows, things)
    chosen = in_order[first : first + size]
    items: list[Row] = []
    for some in _in_parts(chosen, ROWS_PER_PIECE):
        items += [wish.columns_of(rows.row(one)) for one in some]
        yield b""
    yield encode(
        {
            "filtered_count": count,
            "item_count": len(items),
            "items": items,
            "page": wish.page,
            "page_count": pages,
            "page_size": size,
            "total_count": len(rows.things),
        }
    )
    return None


def _sorted(wish: _Wish, rows: Rows[Any], things: list[Any]) -> Pieces[list[Any]]:
    """Return the things in order, by what their rows say just now."""
    if not wish.sort:
        return things[::-1] if wish.reverse else things
    first, _, rest = wish.sort.partition(".")
    column = rows.columns.get(first)
    size = ROWS_PER_PIECE if column is None else KEYS_PER_PIECE
    keys: list[SortKey] = []
    for some in _in_parts(things, size):
        if column is None:
            keys += [sort_key(rows.row(one), wish.sort) for one in some]
        else:
            keys += [sort_key(column(one), rest) for one in some]
        yield b""
    order = sorted(range(len(keys)), key=keys.__getitem__, reverse=wish.reverse)
    return [things[index] for index in order]


def sort_key(value: Any, path: str) -> SortKey:
    """Return what to sort by: numbers before text, what is missing first."""
    for part in path.split(".") if path else ():
        value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, bool | int | float):
        return 1, value
    return (2, value) if isinstance(value, str) else (0, 0)


def _in_parts(things: Iterable[T], size: int) -> Iterator[list[T]]:
    left = iter(things)
    while part := list(islice(left, size)):
        yield part


def _copy(path: Sequence[str], source: Row, target: dict[str, Any]) -> None:
    for part in path[:-1]:
        below = source.get(part)
        if not isinstance(below, Mapping):
            return
        source = below
        if path[-1] in source or len(path) > 2:
            target = target.setdefault(part, {})
    if path[-1] in source:
        target[path[-1]] = source[path[-1]]
