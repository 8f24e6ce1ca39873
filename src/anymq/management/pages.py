"""The pages there are: metrics, health, and the page for people."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import anymq
from anymq.management.http import Handler, Pages, Response, json, text
from anymq.management.page_files import page_files, wants_page
from anymq.observability.metrics import Registry

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must be so for the server to be of use."""

    name: str
    holds: bool
    detail: str = ""
    to_serve: bool = True  # without it, clients are better sent elsewhere


Conditions = Callable[[], Sequence[Condition]]


def make_pages(
    metrics: Mapping[str, Handler],
    conditions: Conditions,
    guarded: Callable[[Handler], Handler] = lambda page: page,
) -> Pages:
    """Return the table of pages: what an orchestrator and Prometheus ask for."""
    pages: dict[str, Handler] = {
        **{path: guarded(page) for path, page in metrics.items()},
        "/health": lambda _: health(conditions()),
        "/health/ready": lambda _: ready(conditions()),
        "/health/live": lambda _: text("alive\n"),  # that it answers is the answer
    }
    index = f"anymq {anymq.__version__}\n\n" + "".join(f"{path}\n" for path in pages)
    shown = page_files()
    page = shown.get("/")
    return {
        **pages,
        **shown,
        "/": lambda request: page(request) if page and wants_page(request) else text(index),
    }


def metrics_page(registry: Registry, look: Callable[[], Iterator[None]]) -> Handler:
    """Return the page of these metrics. `look` finds what many of them need, some at a time."""

    def pieces() -> Iterator[bytes]:
        for _ in look():
            yield b""
        yield from registry.exposition()

    return lambda _: Response(HTTPStatus.OK, b"", METRICS_TYPE, pieces=pieces())


def health(conditions: Sequence[Condition]) -> Response:
    """Say everything that is known, for whoever looks."""
    return json(
        {
            "status": "ok" if all(each.holds for each in conditions) else "failing",
            "version": anymq.__version__,
            "conditions": {
                each.name: {"holds": each.holds, "detail": each.detail} for each in conditions
            },
        },
        _status(conditions),
    )


def ready(conditions: Sequence[Condition]) -> Response:
    """Say whether to send clients here."""
    needed = [each for each in conditions if each.to_serve]
    failing = "".join(f"{each.name}: {each.detail}\n" for each in needed if not each.holds)
    return text(failing or "ready\n", _status(needed))


def _status(conditions: Sequence[Condition]) -> HTTPStatus:
    holds = all(each.holds for each in conditions)
    return HTTPStatus.OK if holds else HTTPStatus.SERVICE_UNAVAILABLE
