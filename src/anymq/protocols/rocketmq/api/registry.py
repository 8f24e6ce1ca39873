"""Which requests there are: every module of this package that declares CODES."""

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache

from anymq.protocols.rocketmq import api as package
from anymq.protocols.rocketmq import delaying, retrying
from anymq.protocols.rocketmq.api import transactions
from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.send_request import Send

Handler = Callable[[Call], None]
Detour = Callable[[Send], bool]


@cache
def load() -> dict[int, Handler]:
    """Return what answers each request, by its code."""
    found: dict[int, Handler] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda one: one.name):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        for code, handler in getattr(module, "CODES", {}).items():
            assert code not in found, f"two modules answer {code}"
            found[int(code)] = handler
    return found


def detours() -> list[Detour]:
    """Return who may keep what is sent for later, in the order in which they are asked."""
    return [retrying.detour, transactions.keep_half, delaying.detour]
