"""Schemathesis reads our OpenAPI document and asks the API everything that it allows, and more."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from anymq.management.api.api import all_routes
from anymq.management.api.openapi import STREAMS, document, path_of
from anymq.testing import EmbeddedBroker

EXAMPLES = 8  # of each operation
SECONDS = 30
USER = ("root", "secret")  # named by the settings: nobody can delete it
# All but what has no end: its own tests read it.
ROUTES = [(one.method, path_of(one)) for one in all_routes() if one.path not in STREAMS]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with EmbeddedBroker(settings={"users": dict([USER])}) as broker:
        yield broker.management


@pytest.fixture(autouse=True)
def as_before(url: str, path: str) -> Iterator[None]:
    """With less disk than it wants, the broker would refuse all that the others ask."""
    yield
    if path.endswith("/watermarks"):
        import requests

        said: dict[str, Any] = {
            "memory_high_watermark": {"relative": 0.6},
            "disk_free_limit": {"absolute": 0},
        }
        answer = requests.put(f"{url}{path}", json=said, auth=USER, timeout=SECONDS)
        assert answer.status_code == 204


@cache
def schema() -> Any:
    import schemathesis

    return schemathesis.openapi.from_dict(document(all_routes()))


def no_bug(_context: Any, response: Any, _case: Any) -> None:
    """503 has its reasons; 500 has none."""
    assert response.status_code != 500


@cache
def checks() -> list[Any]:
    from schemathesis.specs.openapi import checks

    return [
        no_bug,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_schema_conformance,
    ]


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=[" ".join(one) for one in ROUTES])
def test_it_keeps_what_it_says(method: str, path: str, url: str) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=schema()[path][method].as_strategy())
    def ask(case: Any) -> None:
        case.call_and_validate(base_url=url, auth=USER, checks=checks(), timeout=SECONDS)

    ask()
