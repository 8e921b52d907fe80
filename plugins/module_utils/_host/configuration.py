# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of the daemons, and which of them run."""

from __future__ import annotations

import os
import typing as t

from .._core.errors import MigrationError
from .._core.host.parse.libvirt_conf import DAEMON_SETTINGS, QEMU_SETTINGS, Value, chosen, parse_conf
from .files import read, read_int

_DIRECTORY, _RUN, _PROC = "/etc/libvirt", "/run", "/proc"
MONOLITHIC, MODULAR = "monolithic", "modular"


class Configuration(t.NamedTuple):
    """``daemon``: of the daemon that runs guests and, where they are apart, of the one that takes connections, each
    setting from the file of the one that heeds it.

    ``readable``: whether ``qemu`` is what stands in qemu.conf; ``problems``: lines about files that tell nothing.
    """

    mode: str
    daemon: dict[str, Value]
    qemu: dict[str, Value]
    readable: bool
    problems: t.Sequence[str] = ()


def read_configuration() -> Configuration:
    mode = _mode()
    problems: list[str] = []
    qemu = _settings("qemu", problems)
    if qemu is None and not problems:
        problems.append(f"{_DIRECTORY}/qemu.conf: not readable, defaults are assumed.")
    daemon: dict[str, Value] = {}
    for name in _FILES[mode]:
        found = _settings(name, problems) or {}
        daemon.update({key: value for key, value in found.items() if mode != MODULAR or _heeds(name, key)})
    return Configuration(
        mode, chosen(daemon, DAEMON_SETTINGS), chosen(qemu or {}, QEMU_SETTINGS), qemu is not None, problems
    )


def _settings(name: str, problems: list[str]) -> t.Optional[dict[str, Value]]:
    """None for a file that is not there or not to be read, and with a problem for one that libvirt would not take."""
    path = f"{_DIRECTORY}/{name}.conf"
    text = read(path)
    try:
        return None if text is None else parse_conf(text)
    except MigrationError as exc:
        problems.append(f"{path}: {exc.problem} {exc.state} Defaults are assumed.")
        return None


_QEMU_DAEMON, _PROXY = "virtqemud", "virtproxyd"
_FILES = {MONOLITHIC: ["libvirtd"], MODULAR: [_QEMU_DAEMON, _PROXY], "": ["libvirtd"]}
# What the daemon that runs guests says for itself; the rest is about connections from elsewhere, which the proxy takes.
_OF_GUESTS = frozenset({"auth_unix_rw", "host_uuid", "host_uuid_source"})


def _heeds(daemon: str, setting: str) -> bool:
    """Whether this one of the modular daemons is the one that a setting counts for. Their files may all have it."""
    return (setting in _OF_GUESTS) == (daemon == _QEMU_DAEMON)


def _mode() -> str:
    """The daemon that has just answered is alive; sockets of the other kind may be there all the same."""
    if _alive("virtqemud"):
        return MODULAR
    if _alive("libvirtd"):
        return MONOLITHIC
    if os.path.exists(f"{_RUN}/libvirt/virtqemud-sock"):
        return MODULAR
    return MONOLITHIC if os.path.exists(f"{_RUN}/libvirt/libvirt-sock") else ""


def _alive(daemon: str) -> bool:
    """A daemon that was killed leaves its file behind, and its number may have been given to another process."""
    pid = read_int(f"{_RUN}/{daemon}.pid")
    return pid is not None and (read(f"{_PROC}/{pid}/comm") or "").strip() == daemon


def text_of(settings: t.Mapping[str, Value], name: str) -> str:
    value = settings.get(name, "")
    return value if isinstance(value, str) else ""


def number_of(settings: t.Mapping[str, Value], name: str, default: int) -> int:
    """Ports stand in the files as numbers in one place and as texts in another."""
    value = settings.get(name, default)
    try:
        return int(value) if isinstance(value, (int, str)) else default
    except ValueError:
        return default
