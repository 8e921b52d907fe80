# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes to libvirt's configuration files: only the lines meant, and nothing that stops a daemon."""

from __future__ import annotations

import bisect
import ipaddress
import re
import typing as t

from ...errors import MigrationError
from .libvirt_conf import MAX_NUMBER, Conf, Entry, Value, is_secret, parse_conf, parse_file

Wanted = t.Union[str, int]

_ADDRESSES = ("migration_address", "migration_host", "listen_addr")
_LOWEST, _HIGHEST = "migration_port_min", "migration_port_max"
_PORTS = (_LOWEST, _HIGHEST)
_DEFAULT_PORTS = {_LOWEST: 49152, _HIGHEST: 49215}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_NOTHING = "Nothing was changed."


def with_settings(text: str, settings: t.Mapping[str, Wanted]) -> str:
    """The file with these settings in force; the same text when they are already.

    libvirt takes the first of several lines of one name. So that one is changed, and those after it become comments.

    Raises MigrationError: BAD_SETTING for a value that libvirt does not take or that would stop a daemon, BAD_CONF for
    a file that libvirt does not take, or that cannot be changed safely.
    """
    before = parse_conf(text)
    for name, value in settings.items():
        _check(name, value)
    _check_ports({**_DEFAULT_PORTS, **before, **settings})
    differing = {name: value for name, value in settings.items() if before.get(name) != value}
    for name, value in differing.items():
        text = _with_setting(text, name, _written(name, value))
    # Whatever the file looks like, it is read back: the settings meant have changed, and no other.
    if parse_conf(text) != {**before, **differing}:
        raise _unsafe(differing)
    return text


def differences(text: str, settings: t.Mapping[str, Wanted]) -> dict[str, str]:
    """What ``with_settings`` changes, for people: lines before and after, with the names of secrets but no secret.

    A diff of the whole file would show the secrets beside the lines that change, in comments too.
    """
    entries = parse_file(text).entries
    in_force = parse_conf(text)
    before, after = [], []
    for name, value in settings.items():
        if in_force.get(name) != value:
            former = [entry.value for entry in entries if entry.name == name]
            before += [_shown(name, one, "a former value, which is not shown") for one in former]
            after.append(_shown(name, value, "a new value, which is not shown"))
    return {"before": "".join(before), "after": "".join(after)}


def _shown(name: str, value: Value, instead: str) -> str:
    shown = f"({instead})" if is_secret(name) else f'"{value}"' if isinstance(value, str) else str(value)
    return f"{name} = {shown}\n"


def _with_setting(text: str, name: str, value: str) -> str:
    conf = parse_file(text)
    found = [entry for entry in conf.entries if entry.name == name]
    if not found:
        return _added(text, conf, name, f"{name} = {value}")
    lines = _Lines(text)
    first = found[0]
    whole = lines.of(first) if lines.are_only(first) else None
    begin, end = whole or (first.value_start, first.end)
    parts = [text[:begin], f"{name} = {value}" if whole else value]
    for entry in found[1:]:
        if not lines.are_only(entry):
            raise _unsafe([name])
        begin, after = lines.of(entry)
        # Each line of a list or of a text of several lines becomes a comment.
        parts += [text[end:begin], re.sub(r"\r\n|\r|\n|\A", r"\g<0>#", text[begin:after])]
        end = after
    return "".join(parts) + text[end:]


def _added(text: str, conf: Conf, name: str, line: str) -> str:
    # The files come with every setting commented out; there people look for it.
    example = re.compile(rf"#[ \t]*{name}[ \t]*=")
    examples = [end for start, end in conf.comments if example.match(text, start) and _begins_line(text, start)]
    at = examples[-1] if examples else len(text)
    at += 2 if text.startswith("\r\n", at) else 1 if at < len(text) else 0
    gap = "" if not text[:at] or text[:at].endswith("\n") else "\n"
    return f"{text[:at]}{gap}{line}\n{text[at:]}"


def _begins_line(text: str, at: int) -> bool:
    return at == 0 or text[at - 1] in "\r\n"


class _Lines:
    """The lines of a file, to find those that a setting stands on."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(found.end() for found in re.finditer(r"[\r\n]", text))]

    def of(self, entry: Entry) -> tuple[int, int]:
        """Where they begin and end, without the end of the last line."""
        begin = self._starts[bisect.bisect_right(self._starts, entry.start) - 1]
        after = bisect.bisect_right(self._starts, entry.end)
        return begin, self._starts[after] - 1 if after < len(self._starts) else len(self._text)

    def are_only(self, entry: Entry) -> bool:
        """Whether nothing but this setting, and a comment, stands on them."""
        begin, end = self.of(entry)
        rest = self._text[entry.end : end].strip(" \t")
        return not self._text[begin : entry.start].strip(" \t") and (not rest or rest.startswith("#"))


def _unsafe(names: t.Iterable[str]) -> MigrationError:
    return MigrationError(
        "BAD_CONF",
        "The file cannot be changed without changing more than was asked for.",
        state=_NOTHING,
        remedy=f"Set {', '.join(names)} by hand, each once and on a line of its own.",
    )


def _written(name: str, value: Wanted) -> str:
    if isinstance(value, int):
        return str(value)
    quote = "'" if '"' in value else '"'
    if quote in value or re.search(r"[\r\n\0]", value):
        raise _bad(name, value, "a text of one line, with only one kind of quotes in it")
    return f"{quote}{value}{quote}"


def _check(name: str, value: t.Any) -> None:
    if not _NAME.match(name):
        raise _bad("The name of a setting", name, "letters, digits and underscores, a letter first")
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise _bad(name, value, "a text or a whole number")
    if isinstance(value, int) and abs(value) > MAX_NUMBER:
        raise _bad(name, value, f"a number up to {MAX_NUMBER}")
    if name in _ADDRESSES:
        _check_address(name, value)
    if name in _PORTS and (not isinstance(value, int) or not 1 <= value <= 65535):
        raise _bad(name, value, "a port from 1 to 65535")


def _check_address(name: str, value: t.Any) -> None:
    if not isinstance(value, str) or not value or value != value.strip():
        raise _bad(name, value, "an address or a host name")
    bare = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    try:
        loopback = ipaddress.ip_address(bare).is_loopback
    except ValueError:
        loopback = bare.lower().startswith("localhost")
    if loopback and name != "listen_addr":
        raise _bad(
            name, value, "an address that other hosts can reach; with a loopback address the daemon does not start"
        )


def _check_ports(settings: t.Mapping[str, t.Any]) -> None:
    low, high = settings[_LOWEST], settings[_HIGHEST]
    if isinstance(low, int) and isinstance(high, int) and low > high:
        raise _bad(_HIGHEST, high, f"{low} or more, which is {_LOWEST}; otherwise the daemon does not start")


def _bad(name: str, value: t.Any, wanted: str) -> MigrationError:
    # No secret goes to the screen or to a log, not even a wrong one.
    found = f"is {value!r}, but must be" if not is_secret(name) else "must be"
    return MigrationError(
        "BAD_SETTING",
        f"{name} {found} {wanted}.",
        state=_NOTHING,
        remedy="Correct the value.",
    )
