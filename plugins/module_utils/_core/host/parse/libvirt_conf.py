# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's configuration files: ``name = value`` with texts, numbers and lists, by the grammar of its own parser.

That is ``virConfParse`` in libvirt's src/util/virconf.c. Texts stand in single or double quotes on one line, or in
three double ones on several, and know no escapes. A list may go on in the next lines, but has no comments in it. A
``;`` or the end of a line ends a setting. What libvirt does not take is refused here, too; tests/unit compares both
where libvirt is installed.
"""

from __future__ import annotations

import re
import typing as t

from ...errors import MigrationError

Value = t.Union[str, int, "list[t.Any]"]

_MAX_BYTES = 10 * 1024 * 1024  # MAX_CONFIG_FILE_SIZE of virconf.c
_MAX_DEPTH = 20  # lists in lists; libvirt has no limit, and no setting with even two
MAX_NUMBER = 2**63 - 1  # libvirt reads a long long

_BLANKS = re.compile(r"[ \t]*")
_SPACE = re.compile(r"[ \t\r\n]*")
_TO_END_OF_LINE = re.compile(r"[^\r\n]*")
_END_OF_LINE = re.compile(r"\r\n|\r|\n")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_NUMBER = re.compile(r"[+-]?[0-9]+")
_TEXT = re.compile(r"'([^'\r\n]*)'|\"([^\"\r\n]*)\"")

_SECRET = re.compile(r"passw|passphrase|pwd|secret|token|credential", re.IGNORECASE)

# What a migration depends on; the rest, secrets' names among it, stays out of a document.
QEMU_SETTINGS = (
    "default_tls_x509_cert_dir",
    "default_tls_x509_verify",
    "dynamic_ownership",
    "group",
    "keepalive_count",
    "keepalive_interval",
    "lock_manager",
    "max_queued",
    "migrate_tls_force",
    "migrate_tls_x509_cert_dir",
    "migrate_tls_x509_verify",
    "migration_address",
    "migration_host",
    "migration_port_max",
    "migration_port_min",
    "security_confined",
    "security_driver",
    "shared_filesystems",
    "stdio_handler",
    "user",
)
DAEMON_SETTINGS = (
    "auth_tcp",
    "auth_tls",
    "auth_unix_rw",
    "ca_file",
    "cert_file",
    "host_uuid",
    "host_uuid_source",
    "keepalive_count",
    "keepalive_interval",
    "key_file",
    "listen_addr",
    "listen_tcp",
    "listen_tls",
    "max_client_requests",
    "tcp_port",
    "tls_no_verify_certificate",
    "tls_port",
)


class Entry(t.NamedTuple):
    """A setting. ``start`` is where its name begins, ``value_start`` to ``end`` is its value, in characters."""

    name: str
    value: Value
    start: int
    value_start: int
    end: int


class Conf(t.NamedTuple):
    """A file: its settings, and where the comments that stand for themselves begin and end."""

    entries: list[Entry]
    comments: list[tuple[int, int]]


def is_secret(name: str) -> bool:
    """Whether the value of a setting is nobody's business: passwords, and what unlocks keys."""
    return _SECRET.search(name) is not None


def parse_conf(text: str) -> dict[str, Value]:
    """The settings in force: of several of one name the first one, as ``virConfGetValue`` takes it.

    Raises MigrationError BAD_CONF for what libvirt would not take.
    """
    found: dict[str, Value] = {}
    for entry in parse_file(text).entries:
        found.setdefault(entry.name, entry.value)
    return found


def parse_file(text: str) -> Conf:
    """All that stands in a file, in its order. Raises MigrationError BAD_CONF for what libvirt would not take."""
    if len(text) > _MAX_BYTES:
        raise _bad(text, len(text), "longer than the 10 MiB that libvirt reads")
    if "\0" in text:
        raise _bad(text, text.index("\0"), "there is a null character")
    conf = Conf([], [])
    at = 0
    while at < len(text):
        at = _after(_SPACE, text, at)
        if text.startswith("#", at):
            end = _after(_TO_END_OF_LINE, text, at)
            conf.comments.append((at, end))
        else:
            conf.entries.append(_entry(text, at))
            end = _after(_BLANKS, text, conf.entries[-1].end)
            if text.startswith("#", end):
                end = _after(_TO_END_OF_LINE, text, end)
        at = _after_separator(text, end)
    return conf


def _after(pattern: t.Pattern[str], text: str, at: int) -> int:
    """For patterns that match an empty text as well."""
    found = pattern.match(text, at)
    return found.end() if found else at


def _after_separator(text: str, at: int) -> int:
    at = _after(_BLANKS, text, at)
    if at < len(text) and text[at] not in "\r\n;":
        raise _bad(text, at, "something follows a value")
    return _after(_SPACE, text, at + 1) if at < len(text) else at


def _entry(text: str, start: int) -> Entry:
    name = _NAME.match(text, start)
    if name is None:
        raise _bad(text, start, "expected the name of a setting")
    at = _after(_BLANKS, text, name.end())
    if not text.startswith("=", at):
        raise _bad(text, at, "expected a = after the name of a setting")
    value_start = _after(_BLANKS, text, at + 1)
    value, end = _list(text, value_start) if text.startswith("[", value_start) else _scalar(text, value_start)
    return Entry(name[0], value, start, value_start, end)


def _scalar(text: str, at: int) -> tuple[t.Union[str, int], int]:
    # libvirt asks for a character behind the six quotes of an empty text.
    if text.startswith('"""', at) and at + 6 < len(text):
        end = text.find('"""', at + 3)
        if end < 0:
            raise _bad(text, at, "a text has no end")
        return text[at + 3 : end], end + 3
    quoted = _TEXT.match(text, at)
    if quoted:
        return quoted[1] if quoted[1] is not None else quoted[2], quoted.end()
    if text[at : at + 1] in ("'", '"'):
        raise _bad(text, at, "a text has no end on its line")
    number = _NUMBER.match(text, at)
    if number is None:
        raise _bad(text, at, "expected a text in quotes, a number or a list")
    # By length first: turning very long ones into a number takes more than linear time.
    if number.end() - at > 64 or abs(int(number[0])) > MAX_NUMBER:
        raise _bad(text, at, "a number is too large")
    return int(number[0]), number.end()


def _list(text: str, at: int) -> tuple[list[t.Any], int]:
    opened: list[list[t.Any]] = [[]]
    at, wants_value = at + 1, True
    while True:
        at = _after(_SPACE, text, at)
        if text.startswith("]", at):
            closed, at, wants_value = opened.pop(), at + 1, False
            if not opened:
                return closed, at
            opened[-1].append(closed)
        elif not wants_value:
            if not text.startswith(",", at):
                raise _bad(text, at, "expected a comma or a ] in a list")
            at, wants_value = at + 1, True
        elif text.startswith("[", at):
            if len(opened) >= _MAX_DEPTH:
                raise _bad(text, at, "there are too many lists in each other")
            opened.append([])
            at += 1
        else:
            value, at = _scalar(text, at)
            opened[-1].append(value)
            wants_value = False


def _bad(text: str, at: int, problem: str) -> MigrationError:
    """Without a word of the file, which may be a secret."""
    line = len(_END_OF_LINE.findall(text, 0, at)) + 1
    return MigrationError(
        "BAD_CONF",
        f"Line {line} is nothing that libvirt takes: {problem}.",
        state="With such a file the daemon does not start.",
        remedy="Correct that line by hand.",
        evidence={"line": line},
    )


def chosen(settings: t.Mapping[str, Value], names: t.Iterable[str]) -> dict[str, Value]:
    """Those of these names, without lists of anything but texts, which no setting takes."""
    return {
        name: settings[name]
        for name in names
        if name in settings and (isinstance(settings[name], (str, int)) or _is_texts(settings[name]))
    }


def _is_texts(value: Value) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
