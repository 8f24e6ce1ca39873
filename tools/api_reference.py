"""The page of the HTTP API, made of its routes."""

from collections.abc import Iterator
from itertools import groupby

from anymq.management.api.api import all_routes
from anymq.management.api.routes import ANYBODY, PREFIX, Route


def http_api_page() -> str:
    """Describe every route."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield HEAD
    ordered = sorted(all_routes(), key=_subject)
    for subject, routes in groupby(ordered, key=_subject):
        yield f"## {subject}\n"
        yield "| | path | for | what it does |"
        yield "|---|---|---|---|"
        yield from map(_row, routes)
        yield ""


def _subject(route: Route) -> str:
    return route.path.strip("/").split("/")[0]


def _row(route: Route) -> str:
    needs = "anybody" if route.needs == ANYBODY else route.needs
    return f"| {route.method} | `{PREFIX}{route.path}` | {needs} | {route.about} |"


HEAD = """\
<!-- Made by ./dev docs from src/anymq/management/api/: change it there. -->

# HTTP API

Below `http://127.0.0.1:15672/api`, with RabbitMQ's paths and shapes. [How to use it, and what is
different](../how-to/use-the-http-api.md). `:name` stands for a name, percent-encoded: the virtual
host `/` is `%2F`. Every GET is a HEAD, too; OPTIONS says which methods a path has. *For*: who may,
by tags; within a virtual host, rights are asked for as by AMQP.
"""
