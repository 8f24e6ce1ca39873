"""Routes: which method of which path does what, and for whom. The docs are made of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from anymq.management.http import Answer

if TYPE_CHECKING:
    from anymq.management.api.call import Call

PREFIX = "/api"

# Who may use a route, by tags: each of these includes what is before it.
ANYBODY = ""  # also who has not logged in
USER = "user"
MANAGEMENT = "management"
POLICYMAKER = "policymaker"
MONITORING = "monitoring"
ADMINISTRATOR = "administrator"

Act = Callable[["Call"], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path."""

    method: str
    path: str  # below /api; ":vhost" stands for any one segment
    needs: str
    act: Act

    @property
    def about(self) -> str:
        """What it does: the first line of its handler's docstring."""
        return (self.act.__doc__ or "").strip().partition("\n")[0]


@dataclass(slots=True)
class Routes:
    """Those of one module."""

    all: list[Route] = field(default_factory=list)

    def get(self, path: str, needs: str = MANAGEMENT) -> Callable[[Act], Act]:
        """Show something."""
        return self._on("GET", path, needs)

    def put(self, path: str, needs: str = MANAGEMENT) -> Callable[[Act], Act]:
        """Make something be."""
        return self._on("PUT", path, needs)

    def post(self, path: str, needs: str = MANAGEMENT) -> Callable[[Act], Act]:
        """Do something."""
        return self._on("POST", path, needs)

    def delete(self, path: str, needs: str = MANAGEMENT) -> Callable[[Act], Act]:
        """Unmake something."""
        return self._on("DELETE", path, needs)

    def _on(self, method: str, path: str, needs: str) -> Callable[[Act], Act]:
        def declare(act: Act) -> Act:
            self.all.append(Route(method, path, needs, act))
            return act

        return declare


@dataclass(slots=True)
class Place:
    """One path, and what can be done there."""

    segments: tuple[str, ...]
    routes: dict[str, Route] = field(default_factory=dict)

    @property
    def allowed(self) -> str:
        """The methods, as the header Allow says them."""
        named = sorted(self.routes, key=("GET", "PUT", "POST", "DELETE").index)
        return ", ".join([*(["HEAD"] if "GET" in named else []), *named, "OPTIONS"])

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """Return the names in a path, if it is this one."""
        names: dict[str, str] = {}
        for mine, theirs in zip(self.segments, segments, strict=True):
            if mine.startswith(":"):
                names[mine[1:]] = theirs
            elif mine != theirs:
                return None
        return names


class Table:
    """All routes, found by their paths. Words come before names: /queues/detailed is no vhost."""

    def __init__(self, routes: Iterator[Route]) -> None:
        self._places: dict[int, list[Place]] = {}
        by_path: dict[str, Place] = {}
        for route in routes:
            if (place := by_path.get(route.path)) is None:
                place = by_path[route.path] = Place(tuple(route.path.strip("/").split("/")))
                self._places.setdefault(len(place.segments), []).append(place)
            place.routes[route.method] = route
        for places in self._places.values():
            places.sort(key=lambda place: [one.startswith(":") for one in place.segments])

    def find(self, path: str) -> tuple[Place, Mapping[str, str]] | None:
        """Return what is there, and the names in the path."""
        segments = [unquote(one) for one in path.removeprefix(PREFIX).strip("/").split("/")]
        for place in self._places.get(len(segments), ()):
            if (names := place.match(segments)) is not None:
                return place, names
        return None
