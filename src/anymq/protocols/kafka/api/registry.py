"""Which requests there are: every module of this package that declares a KEY.

ApiVersions, the table in the docs and the labels of the metrics are derived from here.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from anymq.protocols.kafka import api as package
from anymq.storage.files import Buffer

API_VERSIONS_KEY = 18


@dataclass(frozen=True, slots=True, eq=False)
class Api:
    """One kind of request, as its module declares it."""

    name: str
    key: int
    versions: range
    advertised_min: int
    flexible_from: int
    before_authentication: bool
    pipelined: bool  # the next one of its kind may begin before this one is answered
    handle: Callable[..., None]
    decode_request: Callable[[Buffer, int, int], Any]
    encode_response: Callable[[Any, int], bytes]

    def request_has_tags(self, version: int) -> bool:
        """Does the request's header end in tagged fields?"""
        return version >= self.flexible_from

    def response_has_tags(self, version: int) -> bool:
        """Does the response's header? ApiVersions' never does: who asks may not know tags yet."""
        return version >= self.flexible_from and self.key != API_VERSIONS_KEY


@cache
def load() -> dict[int, Api]:
    """Return every request by its key."""
    modules = [
        importlib.import_module(f"{package.__name__}.{info.name}")
        for info in pkgutil.iter_modules(package.__path__)
    ]
    apis = [_declared_in(module) for module in modules if hasattr(module, "KEY")]
    return {api.key: api for api in sorted(apis, key=lambda api: api.key)}


def name_of(key: int) -> str:
    """Return what a request is called."""
    return load()[key].name


def _declared_in(module: ModuleType) -> Api:
    schema = module.schema
    return Api(
        name="".join(map(str.capitalize, schema.__name__.rpartition(".")[2].split("_"))),
        key=module.KEY,
        versions=module.VERSIONS,
        advertised_min=getattr(module, "ADVERTISED_MIN", module.VERSIONS[0]),
        flexible_from=schema.FLEXIBLE,
        before_authentication=getattr(module, "BEFORE_AUTHENTICATION", False),
        pipelined=getattr(module, "PIPELINED", False),
        handle=module.handle,
        decode_request=schema.decode_request,
        encode_response=schema.encode_response,
    )
