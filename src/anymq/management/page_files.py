"""The page for people: its files as they were built from ui/, and what browsers are told of them.

They are read once, at the start, and compressed when first asked for.
"""

import gzip
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from importlib.resources.abc import Traversable

from anymq.management.http import Handler, Pages, Request, Response

FOLDER = "page"  # beside this module; made by ./dev page
INDEX = "index.html"
TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
FOREVER = "public, max-age=31536000, immutable"  # what changes gets another name
ASK_AGAIN = "no-cache"


def page_files() -> Pages:
    """Return the files by path; the page itself is /."""
    root = files("anymq.management") / FOLDER
    return {path: _handler(path, file.read_bytes()) for path, file in _below(root, "/")}


def wants_page(request: Request) -> bool:
    """Is it a browser that asks? curl and scripts get text."""
    return "text/html" in request.headers.get("accept", "")


def _below(folder: Traversable, path: str) -> Iterator[tuple[str, Traversable]]:
    if not folder.is_dir():
        return
    for each in folder.iterdir():
        if each.is_dir():
            yield from _below(each, f"{path}{each.name}/")
        elif each.name.rpartition(".")[2] in TYPES:
            yield path if each.name == INDEX else path + each.name, each


def _handler(path: str, content: bytes) -> Handler:
    kind = TYPES[path.rpartition(".")[2] if "." in path else "html"]
    caching = FOREVER if path.startswith("/assets/") else ASK_AGAIN
    headers = (("Cache-Control", caching), ("Vary", "Accept-Encoding"))

    @cache
    def compressed() -> bytes:
        return gzip.compress(content, mtime=0)

    def show(request: Request) -> Response:
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(HTTPStatus.OK, content, kind, headers)
        encoded = (("Content-Encoding", "gzip"), *headers)
        return Response(HTTPStatus.OK, compressed(), kind, encoded)

    return show
