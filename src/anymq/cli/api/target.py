"""Which broker, and as whom: from flags, over the environment, over a file, over what is usual."""

import argparse
import base64
import os
import stat
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit

from anymq.cli.errors import CommandFailed

if TYPE_CHECKING:
    import ssl

GROUP_TITLE = "which HTTP API"
DEFAULT_URL = "http://127.0.0.1:15672"
DEFAULT_USER = "guest"
PORTS = {"http": 15672, "https": 15671}
URL_VARIABLE = "ANYMQ_URL"
USER_VARIABLE = "ANYMQ_USER"
PASSWORD_VARIABLE = "ANYMQ_PASSWORD"
TOKEN_VARIABLE = "ANYMQ_TOKEN"
CA_VARIABLE = "ANYMQ_CA"  # not ANYMQ_TLS_…: those are settings of the broker
FILE_VARIABLE = "ANYMQ_CLIENT_CONFIG"
FILE = "anymq/client.toml"
KEYS = (
    "url",
    "user",
    "password",
    "password_file",
    "token_file",
    "tls_ca",
    "tls_certificate",
    "tls_key",
    "tls_insecure",
)


@dataclass(frozen=True, slots=True)
class Target:
    """An API, and who asks there."""

    host: str
    port: int
    tls: bool = False
    base: str = ""  # before /api, behind a proxy
    user: str = DEFAULT_USER
    password: str = field(default=DEFAULT_USER, repr=False)
    token: str = field(default="", repr=False)  # instead of both
    tls_ca: str | None = None
    tls_certificate: str | None = None
    tls_key: str | None = None
    tls_insecure: bool = False

    @property
    def url(self) -> str:
        """As a person writes it, and without secrets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.tls else ''}://{host}:{self.port}{self.base}"

    def headers(self) -> dict[str, str]:
        """Say who asks."""
        if self.token:
            return {"Authorization": f"Bearer {self.token}"}
        login = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return {"Authorization": f"Basic {login}"}

    def tls_context(self) -> "ssl.SSLContext":
        """Whom to trust, what to show."""
        import ssl  # slow to import, and rarely needed

        try:
            context = ssl.create_default_context(cafile=self.tls_ca)
            if self.tls_certificate:
                context.load_cert_chain(self.tls_certificate, self.tls_key)
        except (OSError, ssl.SSLError) as error:
            files = [each for each in (self.tls_ca, self.tls_certificate, self.tls_key) if each]
            raise CommandFailed(f"{', '.join(files)}: {error}") from None
        if self.tls_insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def add_target_flags(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    add = parser.add_argument_group(GROUP_TITLE).add_argument
    add("--url", metavar="URL", help=f"of its HTTP API; or ${URL_VARIABLE}; default: {DEFAULT_URL}")
    add("--user", metavar="NAME", help=f"who asks; or ${USER_VARIABLE}; default: {DEFAULT_USER}")
    add(
        "--password-file",
        metavar="FILE",
        help=f"its first line; or ${PASSWORD_VARIABLE}; else the password is asked for",
    )
    add("--token-file", metavar="FILE", help=f"an OAuth token instead; or ${TOKEN_VARIABLE}")
    add("--at", metavar="NAME", help="a broker of the file client.toml (see the how-to)")
    trusted = f"whom to trust, in PEM; or ${CA_VARIABLE}; default: whom this system trusts"
    add("--tls-ca", metavar="FILE", help=trusted)
    add("--tls-certificate", metavar="FILE", help="what to show, in PEM")
    add("--tls-key", metavar="FILE", help="its key, if that is another file")
    add("--tls-insecure", action="store_true", default=None, help="trust anybody")


def target_from(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Target:
    """Put together what was said in all places; the nearest counts."""
    flags = {key: getattr(arguments, key, None) for key in KEYS}
    return target_of(flags, environment, at=getattr(arguments, "at", None))


def target_of(
    flags: Mapping[str, Any], environment: Mapping[str, str], at: str | None = None
) -> Target:
    """The same, from a table of what the flags said."""
    said: dict[str, Any] = {**from_file(environment, at)}
    said |= _from_environment(environment) if at is None else {}
    said |= {key: value for key, value in flags.items() if value is not None}
    if flags.get("user") is not None and flags.get("password_file") is None:
        said.pop("password_file", None)  # that of another user
    if flags.get("password_file") is not None or flags.get("token_file") is not None:
        said = {key: value for key, value in said.items() if key not in ("password", "token")}
    return _made(said, environment)


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    variables = {
        "url": URL_VARIABLE,
        "user": USER_VARIABLE,
        "token": TOKEN_VARIABLE,
        "tls_ca": CA_VARIABLE,
    }
    return {key: environment[name] for key, name in variables.items() if environment.get(name)}


def _made(said: Mapping[str, Any], environment: Mapping[str, str]) -> Target:
    parts = _split(str(said.get("url", DEFAULT_URL)))
    user = said.get("user") or unquote(parts.username or "") or DEFAULT_USER
    token = said.get("token") or (line_of(said["token_file"]) if said.get("token_file") else "")
    assert parts.hostname is not None
    return Target(
        host=parts.hostname,
        port=parts.port or PORTS[parts.scheme],
        tls=parts.scheme == "https",
        base=parts.path.rstrip("/").removesuffix("/api"),
        user=user,
        password="" if token else _password(user, said, parts, environment),
        token=token,
        tls_ca=said.get("tls_ca"),
        tls_certificate=said.get("tls_certificate"),
        tls_key=said.get("tls_key"),
        tls_insecure=bool(said.get("tls_insecure")),
    )


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme in PORTS and parts.hostname and parts.port != 0:
            return parts
    except ValueError:
        pass
    raise CommandFailed(f"{url!r} is no URL of an HTTP API, such as {DEFAULT_URL}")


def _password(
    user: str, said: Mapping[str, Any], parts: SplitResult, environment: Mapping[str, str]
) -> str:
    """Find it; a person is asked last, and what everybody knows needs no asking."""
    if said.get("password_file"):
        return line_of(said["password_file"])
    if PASSWORD_VARIABLE in environment:
        return environment[PASSWORD_VARIABLE]
    if parts.password is not None:
        return unquote(parts.password)
    if said.get("password") is not None:
        return str(said["password"])
    if user == DEFAULT_USER:
        return DEFAULT_USER
    return ask_password(f"password of {user}: ")


def ask_password(prompt: str) -> str:
    """Ask a person; without one say what to do."""
    if not sys.stdin.isatty():
        raise CommandFailed(f"no password: set {PASSWORD_VARIABLE}, or use --password-file")
    import getpass  # rarely needed

    return getpass.getpass(prompt)


def line_of(path: str) -> str:
    """Return the first line of a file: a password."""
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as file:
            return file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{path}: {error}") from None


# --- the file ----------------------------------------------------------------------------------


def from_file(environment: Mapping[str, str], at: str | None) -> dict[str, Any]:
    """Read what is said there for all brokers, or for this one."""
    path = path_of_file(environment)
    try:
        with path.open("rb") as file:
            tables, mode = tomllib.load(file), os.fstat(file.fileno()).st_mode
    except FileNotFoundError:
        if at is None and FILE_VARIABLE not in environment:
            return {}
        raise CommandFailed(f"there is no file {path}") from None
    except (OSError, ValueError) as error:
        raise CommandFailed(f"{path}: {error}") from None
    _check_secret(path, tables, mode)
    return _section(path, tables, at)


def path_of_file(environment: Mapping[str, str]) -> Path:
    """Where it is."""
    if FILE_VARIABLE in environment:
        return Path(environment[FILE_VARIABLE])
    home = environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME", "/")) / ".config"
    return Path(home) / FILE


def _section(path: Path, tables: Mapping[str, Any], at: str | None) -> dict[str, Any]:
    found = tables.get(at) if at else {k: v for k, v in tables.items() if not isinstance(v, dict)}
    if not isinstance(found, dict):
        known = ", ".join(name for name, value in tables.items() if isinstance(value, dict))
        raise CommandFailed(f"{path} knows no broker {at!r}" + (f", but {known}" if known else ""))
    if unknown := [key for key in found if key not in KEYS]:
        raise CommandFailed(f"{path}: there is no {unknown[0]!r}, but {', '.join(KEYS)}")
    return dict(found)


def _check_secret(path: Path, tables: Mapping[str, Any], mode: int) -> None:
    """Refuse a password that others may read: it is none."""
    sections = [tables, *(each for each in tables.values() if isinstance(each, dict))]
    secret = any("password" in section for section in sections)
    if secret and mode & (stat.S_IRGRP | stat.S_IROTH):
        raise CommandFailed(f"{path} has a password, and others may read it: chmod 600 {path}")
