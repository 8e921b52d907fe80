# SPDX-License-Identifier: GPL-3.0-or-later
"""URIs of libvirt's connections and of migrations: the one place that takes them apart, checks them and makes them.

libvirt runs programs that a URI names (``command``, ``netcat``, the transport ``ext``), and puts others of its
parameters into a shell on the far side (``socket``). So a URI is taken only in a form that is stricter than what
libvirt understands (src/util/viruri.c, src/remote/remote_driver.c and remote_sockets.c of libvirt 9 to 12), and what
may name a program, a file, a socket or whom to trust only when it is among ``allow``.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import dataclass
from urllib.parse import unquote, unquote_to_bytes

from .errors import MigrationError

EXT = "ext"  # the transport that is a program; a word of ``allow`` beside the names of parameters
PLACE = "{host}"

# Drivers, with the paths that they take where no file is to be named.
_DRIVERS = {"qemu": ("/system", "/session"), "test": ("/default",)}
# The port of each transport but unix, which has none; an empty text is TLS as soon as there is a host.
_PORTS = {"": 16514, "tls": 16514, "tcp": 16509, "ssh": 22, "libssh": 22, "libssh2": 22}
_MIGRATION_SCHEMES = ("tcp", "rdma")

# All that the remote driver takes out of a URI; whatever else is there it hands on to the far driver.
KNOWN_PARAMETERS = frozenset(
    {
        "auth",
        "authfile",
        "auto_answer",
        "command",
        "keyfile",
        "known_hosts",
        "known_hosts_verify",
        "mode",
        "name",
        "netcat",
        "no_sanity",
        "no_tty",
        "no_verify",
        "pkipath",
        "proxy",
        "socket",
        "sshauth",
        "tls_priority",
    }
)
# ssh asks for no password: all that can come of it is that a login fails.
_HARMLESS = {"no_tty": ("0", "1")}

_WHOLE = re.compile(
    r"(?P<driver>[a-z]+)(?:\+(?P<transport>[a-z0-9]+))?://"
    r"(?:(?P<user>[A-Za-z0-9_%.$-]+)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+(?:%25[A-Za-z0-9_.-]+)?\]|[A-Za-z0-9_.-]*)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[a-z]+)"
    r"(?:\?(?P<query>[A-Za-z0-9._~:/@!$*,+()%&=-]+))?"
)
_MIGRATION = re.compile(
    r"(?P<scheme>[a-z]+)://"
    r"(?P<host>\[[0-9A-Fa-f:.]+(?:%25[A-Za-z0-9_.-]+)?\]|[A-Za-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?"
)
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?")
_ZONE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@\\$-]*")
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Paths, names, numbers and GnuTLS priorities: nothing that is anything to a shell, and no option of a program.
_VALUE = re.compile(r"(?:[A-Za-z0-9_./:@%+,=][A-Za-z0-9_./:@%+,=-]*)?")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LONGEST = 2048  # characters; a choice
_IN_TEXT = re.compile(r"//[^\s\"'<>\\]+")
# A shorter secret would be taken out of ordinary words and numbers wherever they stand.
_LEAST_LENGTH = 4
_MOST = 16  # of each sign that may stand before or after a password in a text that is no URI

_REMEDY = (
    "Write qemu[+TRANSPORT]://[USER@][HOST][:PORT]/system, such as qemu+ssh://root@kvm02/system. The transports are"
    " unix, ssh, libssh, libssh2, tls and tcp. libvirt reads no password from a URI."
)
_STATE = "Nothing was opened and nothing was changed."


@dataclass(frozen=True)
class LibvirtUri:
    """A libvirt connection. ``transport``: empty where none is named; ``user``, ``host``: empty for none, the host
    without the brackets of IPv6; ``port``: None where none is named; ``parameters``: names in lower case, decoded.
    """

    driver: str
    transport: str
    user: str
    host: str
    port: t.Optional[int]
    path: str
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def local(self) -> bool:
        """Whether it leads to a daemon of the machine that opens it, by the socket that the daemon has there."""
        return not self.transport and not self.host and "socket" not in dict(self.parameters)

    @property
    def port_of_daemon(self) -> int:
        """Where the daemon, or the ssh before it, listens. Of no use for one that is local."""
        return self.port or _PORTS.get(self.transport, 0)


class MigrationUri(t.NamedTuple):
    """Where memory is sent to. ``port``: None for one that libvirt picks."""

    scheme: str
    host: str
    port: t.Optional[int]


def parse(uri: t.Any, allow: t.Optional[t.Collection[str]] = (), what: str = "The URI") -> LibvirtUri:
    """``allow``: names of parameters, and EXT, that may be there, or None for whatever there is (for a URI that has
    been checked before); ``what``: how to name the URI in an error.

    Raises BAD_URI for one that is malformed, and URI_NOT_ALLOWED. Neither repeats what may be secret.
    """
    found = _WHOLE.fullmatch(uri) if isinstance(uri, str) and len(uri) <= _LONGEST else None
    if found is None:
        raise _bad(what, "is no libvirt URI, or has something in it that one cannot have here")
    driver, transport, path = found["driver"], found["transport"] or "", found["path"]
    if driver not in _DRIVERS:
        raise _bad(what, "names a driver other than qemu")
    if path not in _DRIVERS[driver]:
        raise _bad(what, f"has a path other than {' or '.join(_DRIVERS[driver])}")
    user, host = _user(found["user"], what), _host(found["host"], what)
    port = _port(found["port"], what)
    if not host and (user or port is not None):
        raise _bad(what, "has a user or a port, but no host")
    if transport == "unix" and host:
        raise _bad(what, "names a host for the transport unix, which is for this host only")
    allowed = None if allow is None else {one.lower() for one in allow}
    if transport != "unix" and transport not in _PORTS:
        if transport != EXT:
            raise _bad(what, "names a transport that libvirt does not have")
        if allowed is not None and EXT not in allowed:
            raise _not_allowed(what, "uses the transport ext, which runs a program", EXT)
    return LibvirtUri(driver, transport, user, host, port, path, _parameters(found["query"], allowed, what))


def parse_migration_uri(uri: t.Any, what: str = "The migration URI") -> MigrationUri:
    """``tcp://HOST[:PORT]`` or ``rdma://HOST[:PORT]``. Raises BAD_URI."""
    found = _MIGRATION.fullmatch(uri) if isinstance(uri, str) and len(uri) <= _LONGEST else None
    if found is None or found["scheme"] not in _MIGRATION_SCHEMES:
        raise _bad(
            what, "is no address to send memory to", "Write tcp://HOST or tcp://HOST:PORT, such as tcp://10.0.0.12."
        )
    return MigrationUri(found["scheme"], _host(found["host"], what), _port(found["port"], what))


def check(uri: t.Any, allow: t.Optional[t.Collection[str]] = (), what: str = "The URI") -> None:
    """Raises BAD_URI or URI_NOT_ALLOWED as :func:`parse_migration_uri` for its schemes, else as :func:`parse`."""
    if isinstance(uri, str) and uri.split(":", 1)[0] in _MIGRATION_SCHEMES:
        parse_migration_uri(uri, what)
    else:
        parse(uri, allow, what)


def for_host(template: t.Any, host: t.Any, allow: t.Collection[str] = (), what: str = "The URI") -> str:
    """A URI of either kind, made from one with ``{host}`` in the place of the host.

    Raises BAD_HOST, BAD_URI, URI_NOT_ALLOWED.
    """
    if not is_host(host):
        raise MigrationError(
            "BAD_HOST",
            "What is to be put into a URI as a host is neither a host name nor an address.",
            state=_STATE,
            remedy="Name a host of the inventory. Its name there has to be one under which the other hosts reach it.",
        )
    if not isinstance(template, str) or PLACE not in template:
        raise _bad(
            what,
            f"has no {PLACE} in it, so that it would lead to one host whichever is meant",
            f"Write {PLACE} where the name of the host belongs, such as qemu+ssh://root@{PLACE}/system.",
        )
    put = f"[{host.replace('%', '%25')}]" if ":" in host else host
    uri = template.replace(f"[{PLACE}]", PLACE).replace(PLACE, put)
    check(uri, allow, what)
    return uri


def is_host(text: t.Any) -> bool:
    """Whether it is a host name or an address, without brackets, as it may stand anywhere."""
    if not isinstance(text, str) or not text.isascii() or len(text) > 253:
        return False
    if ":" not in text:
        return _NAME.fullmatch(text) is not None and ".." not in text
    address, sign, zone = text.partition("%")
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        return False
    return not sign or _ZONE.fullmatch(zone) is not None


def host_of(uri: t.Optional[str]) -> t.Optional[str]:
    """The host of a URI of either kind; None where it names none, or is none."""
    try:
        if uri and uri.split(":", 1)[0] in _MIGRATION_SCHEMES:
            return parse_migration_uri(uri).host
        return parse(uri, None).host or None
    except MigrationError:
        return None


def is_local(uri: t.Any) -> bool:
    """Whether it leads to the daemon of the machine that opens it."""
    try:
        return parse(uri, None).local
    except MigrationError:
        return False


def target_of(uri: str) -> t.Optional[tuple[str, int]]:
    """Host and port that a libvirt URI leads to; None for one of this host, or one that is none."""
    try:
        parsed = parse(uri, None)
    except MigrationError:
        return None
    return (parsed.host, parsed.port_of_daemon) if parsed.host and parsed.transport in _PORTS else None


# --- what is secret


def uri_secrets(uri: str) -> set[str]:
    """A password, and the values of parameters that are not libvirt's own, as they stand there and decoded.

    Of what is no URI of either kind all of it is secret, and so is each part of it that may be a password.
    """
    try:
        check(uri, None)
    except MigrationError:
        found = [uri, *_passwords(uri), *_values(uri)]
    else:
        found = _values(uri)
    return {text for raw in found for text in (raw, unquote(raw)) if len(text) >= _LEAST_LENGTH}


def secrets_in(options: t.Any) -> set[str]:
    """What is secret in a module's options, lists and dictionaries in them included, to be kept out of the log.

    It is :func:`uri_secrets` of each option whose name says that it is a URI, and in all other texts what may be a
    password before an ``@``.
    """
    found: set[str] = set()
    if isinstance(options, t.Mapping):
        for key, value in options.items():
            found |= uri_secrets(value) if isinstance(value, str) and _is_uri(str(key), value) else secrets_in(value)
    elif isinstance(options, (list, tuple)):
        for one in options:
            found |= secrets_in(one)
    elif isinstance(options, str) and "://" in options:
        passwords = [text for one in _IN_TEXT.findall(options) for text in _passwords(one)]
        found = {text for raw in passwords for text in (raw, unquote(raw)) if len(text) >= _LEAST_LENGTH}
    return found


def _is_uri(option: str, value: str) -> bool:
    """A destination may be the name of a host, too."""
    return option.endswith("uri") or (option == "destination" and not is_host(value) and ":" in value)


def _passwords(text: str) -> list[str]:
    """What stands between a colon and an ``@``, for each of the last ones that there are."""
    rest, found = (text.partition("//")[2] or text)[:_LONGEST], []
    for _at in range(min(rest.count("@"), _MOST)):
        rest = rest.rpartition("@")[0]
        after = rest
        for _colon in range(min(rest.count(":"), _MOST)):
            after = after.partition(":")[2]
            found.append(after)
    return found


def _values(text: str) -> list[str]:
    pairs = [pair.partition("=") for pair in re.split("[?&;#]", text)[1:]]
    return [value if sign else name for name, sign, value in pairs if name.lower() not in KNOWN_PARAMETERS]


# --- parts


def _user(text: t.Optional[str], what: str) -> str:
    user = _decoded(text or "", what)
    if user and not _USER.fullmatch(user):
        raise _bad(what, "has a user that is no name of one")
    return user


def _host(text: str, what: str) -> str:
    host = text[1:-1].replace("%25", "%", 1) if text.startswith("[") else text
    if (host and not is_host(host)) or (text.startswith("[") and ":" not in host):
        raise _bad(what, "has a host that is neither a host name nor an address")
    return host


def _port(text: t.Optional[str], what: str) -> t.Optional[int]:
    if text is None:
        return None
    if not 1 <= int(text) <= 65535:
        raise _bad(what, "has a port that is none")
    return int(text)


def _parameters(
    query: t.Optional[str], allowed: t.Optional[t.Collection[str]], what: str
) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for pair in query.split("&") if query is not None else ():
        name, sign, raw = pair.partition("=")
        key, value = name.lower(), _decoded(raw, what)
        if not sign or not _PARAMETER.fullmatch(name) or key in found:
            raise _bad(what, "has parameters that are not of the form NAME=VALUE, or one of them twice")
        if key in KNOWN_PARAMETERS and not _VALUE.fullmatch(value):
            raise _bad(what, f"has a value of {key} with signs in it that it cannot have here")
        if allowed is not None and key not in allowed and value not in _HARMLESS.get(key, ()):
            shown = key if key in KNOWN_PARAMETERS else "a parameter that is none of libvirt's own"
            raise _not_allowed(what, f"has {shown}", key if key in KNOWN_PARAMETERS else "its name")
        found[key] = value
    return tuple(found.items())


def _decoded(text: str, what: str) -> str:
    if _ESCAPE.search(text):
        raise _bad(what, "has a % that does not begin an escape")
    try:
        decoded = unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        raise _bad(what, "has escapes that are no UTF-8") from None
    if not decoded.isprintable():
        raise _bad(what, "has signs in it that cannot be printed")
    return decoded


def _bad(what: str, problem: str, remedy: str = _REMEDY) -> MigrationError:
    sentence = f"{what} {problem}. It is not repeated here, as there may be a password in it."
    return MigrationError("BAD_URI", sentence, state=_STATE, remedy=remedy)


def _not_allowed(what: str, problem: str, name: str) -> MigrationError:
    return MigrationError(
        "URI_NOT_ALLOWED",
        f"{what} {problem}, and that is not allowed: it may name programs, files and sockets, or whom to trust.",
        state=_STATE,
        remedy=f"Leave it out. Who may run programs on the hosts can allow it, with {name} in the option uri_allow.",
    )
