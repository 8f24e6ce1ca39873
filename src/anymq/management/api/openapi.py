"""OpenAPI: the routes, as a document that tools understand. Made of the routes themselves."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

import anymq
from anymq.management.api.bodies import BODIES, LISTING, QUERIES, Schema
from anymq.management.api.routes import ANYBODY, PREFIX, Route
from anymq.management.http import JSON, encode

_NAME = re.compile(r":(\w+)")
EVENTS = "text/event-stream"
STREAMS = ("/events",)
CHECKS = "/health/checks/"
SAYING_WHAT = ("/jobs",)  # that they made

# What any request may be answered with, beside what it asks for.
FAULTS = {
    HTTPStatus.BAD_REQUEST: "It makes no sense; the reason says why.",
    HTTPStatus.UNAUTHORIZED: "Who asks is not known, or may not do this.",
    HTTPStatus.FORBIDDEN: "Not from there, or without the CSRF token.",
    HTTPStatus.NOT_FOUND: "What the path or the body names is not there.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many wrong passwords: later.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not now: the disk is full, or too much is under way.",
}
DONE = {
    "GET": (HTTPStatus.OK,),
    "PUT": (HTTPStatus.CREATED, HTTPStatus.NO_CONTENT),
    "POST": (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT),
    "DELETE": (HTTPStatus.NO_CONTENT, HTTPStatus.OK),
}


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the description of these routes."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(path_of(route), {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "anymq",
            "version": anymq.__version__,
            "summary": "RabbitMQ's management API, and everything else there is to manage.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "anymq_session"},
            },
            "schemas": {
                "Fault": {
                    "type": "object",
                    "properties": {"error": {"type": "string"}, "reason": {}},
                    "required": ["error", "reason"],
                }
            },
            "responses": {str(int(status)): _fault(said) for status, said in FAULTS.items()},
        },
    }


@cache
def encoded(routes: tuple[Route, ...]) -> bytes:
    """Return the document as it is sent."""
    return encode(document(routes))


def path_of(route: Route) -> str:
    """Return its path as OpenAPI writes it."""
    return PREFIX + _NAME.sub(r"{\1}", route.path)


def _operation(route: Route) -> dict[str, Any]:
    key = (route.method, route.path)
    said: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.about,
        "tags": [route.path.split("/")[1]],
        "parameters": [*_names(route), *_queries(key)],
        "responses": _responses(route),
    }
    if route.needs == ANYBODY:
        said["security"] = []
    else:
        said["security"] = [{"basic": []}, {"bearer": []}, {"session": []}]
        said["description"] = f"For: {route.needs}."
    if (body := BODIES.get(key)) is not None:
        content = {JSON: {"schema": body}}
        said["requestBody"] = {"required": bool(body.get("required")), "content": content}
    return said


def _operation_id(route: Route) -> str:
    words = re.sub(r"\W+", "_", route.path.replace(":", "by_")).strip("_")
    return f"{route.method.lower()}_{words}"


def _names(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1},
        }
        for name in _NAME.findall(route.path)
    ]


def _queries(key: tuple[str, str]) -> list[dict[str, Any]]:
    queries: dict[str, Schema] = dict(QUERIES.get(key, {}))
    if key[0] == "GET" and key[1] not in STREAMS:
        queries = {**LISTING, **queries}
    return [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in queries.items()
    ]


def _responses(route: Route) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for status in DONE[route.method]:
        said[str(int(status))] = _answer(route, status)
    for status in FAULTS:
        said[str(int(status))] = {"$ref": f"#/components/responses/{int(status)}"}
    if route.path.startswith(CHECKS):
        unwell = {"description": "No: it says why.", "content": {JSON: {"schema": {}}}}
        said[str(int(HTTPStatus.SERVICE_UNAVAILABLE))] = unwell
    return said


def _answer(route: Route, status: HTTPStatus) -> Mapping[str, Any]:
    if status is HTTPStatus.NO_CONTENT:
        return {"description": "It is so."}
    if status is HTTPStatus.CREATED and route.path not in SAYING_WHAT:
        return {"description": "It is there now."}
    if route.path in STREAMS:
        return {"description": "Events, one after another.", "content": {EVENTS: {}}}
    return {"description": status.phrase, "content": {JSON: {"schema": {}}}}


def _fault(said: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Fault"}
    return {"description": said, "content": {JSON: {"schema": schema}}}
