"""Which calls there are: every module of this package that declares METHODS."""

import importlib
import pkgutil
from functools import cache

from anymq.protocols.rocketmq.grpc import api as package
from anymq.protocols.rocketmq.grpc.method import SERVICE, Method


@cache
def load() -> dict[str, Method]:
    """Return what answers each call, by its path."""
    found: dict[str, Method] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda one: one.name):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        for name, method in getattr(module, "METHODS", {}).items():
            assert name not in found, f"two modules answer {name}"
            found[f"/{SERVICE}/{name}"] = method
    return found
