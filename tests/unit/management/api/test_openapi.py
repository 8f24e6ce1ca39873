"""The OpenAPI document says what there is, and nothing else."""

from openapi_spec_validator import validate

from anymq.management.api.api import all_routes
from anymq.management.api.bodies import BODIES, QUERIES
from anymq.management.api.openapi import document, path_of
from anymq.management.api.routes import ANYBODY

# They take no body: the path says it all.
WITHOUT_BODY = {
    ("POST", "/delayed/:vhost/:id/release"),
    ("POST", "/transactions/:vhost/:id/commit"),
    ("POST", "/transactions/:vhost/:id/rollback"),
    ("POST", "/vhosts/:vhost/deletion/protection"),
    ("POST", "/vhosts/:vhost/start/:node"),
    ("PUT", "/feature-flags/:name/enable"),
    ("POST", "/rebalance/queues"),
}


def test_it_is_a_valid_document() -> None:
    validate(document(all_routes()))


def test_every_route_is_in_it_once() -> None:
    said = document(all_routes())["paths"]
    described = {(method.upper(), path) for path, place in said.items() for method in place}
    routes = [(route.method, path_of(route)) for route in all_routes()]
    assert described == set(routes)
    assert len(routes) == len(set(routes))
    ids = [one["operationId"] for place in said.values() for one in place.values()]
    assert len(ids) == len(set(ids))


def test_bodies_and_queries_are_those_of_routes() -> None:
    routes = {(route.method, route.path) for route in all_routes()}
    assert set(BODIES) <= routes
    assert set(QUERIES) <= routes
    takes = {key for key in routes if key[0] in ("PUT", "POST")}
    assert takes - set(BODIES) == WITHOUT_BODY


def test_only_few_are_for_everybody() -> None:
    said = document(all_routes())["paths"]
    opened = {path for path, place in said.items() for one in place.values() if not one["security"]}
    assert opened == {path_of(route) for route in all_routes() if route.needs == ANYBODY}
