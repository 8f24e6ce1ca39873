"""The Python that runs this: which one, and how it was built."""

import platform
import sys
import sysconfig

from anymq.cli.doctoring.finding import Finding, Findings, Verdict
from anymq.config.model import Settings

_SYSTEM = "/usr"  # where a distribution puts its own, which it builds with all optimisations


def check_python(settings: Settings) -> Findings:
    """Is this a Python we know, and a quick one?"""
    if sys.version_info < (3, 11):  # noqa: UP036  # pip would not install it, but who knows
        yield Finding(Verdict.BROKEN, described(), "anymq needs Python 3.11 or newer")
    elif is_optimised():
        yield Finding(Verdict.FINE, described())
    else:
        advice = "it is about a fifth slower than your system's, python.org's, uv's or Docker's"
        yield Finding(Verdict.DOUBTFUL, described(), advice)


def described() -> str:
    """Say which one this is."""
    plain = "" if is_optimised() else ", built without optimisations"
    return f"Python {platform.python_version()}{plain}"


def is_optimised() -> bool:
    """Was it compiled twice, the second time for what it does most? pyenv's are not."""
    options = str(sysconfig.get_config_var("CONFIG_ARGS") or "--enable-optimizations")
    return sys.base_prefix == _SYSTEM or "--enable-optimizations" in options
