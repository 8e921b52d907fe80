# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of the daemons, and which of them run."""

from __future__ import annotations

import os
import typing as t

from .._core.errors import MigrationError
from .._core.host.parse.libvirt_conf import DAEMON_SETTINGS, QEMU_SETTINGS, Value, chosen, parse_conf
from .files import read, read_int

_DIRECTORY = "/etc/libvirt"
MONOLITHIC, MODULAR = "monolithic", "modular"


class Configuration(t.NamedTuple):
    """``daemon``: of the daemon that runs guests and, where they are apart, of the one that takes connections.

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
        daemon.update(_settings(name, problems) or {})
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


_FILES = {MONOLITHIC: ["libvirtd"], MODULAR: ["virtqemud", "virtproxyd"], "": ["libvirtd"]}


def _mode() -> str:
    """The daemon that has just answered is alive; sockets of the other kind may be there all the same."""
    if _alive("/run/virtqemud.pid"):
        return MODULAR
    if _alive("/run/libvirtd.pid"):
        return MONOLITHIC
    if os.path.exists("/run/libvirt/virtqemud-sock"):
        return MODULAR
    return MONOLITHIC if os.path.exists("/run/libvirt/libvirt-sock") else ""


def _alive(pid_file: str) -> bool:
    pid = read_int(pid_file)
    return pid is not None and os.path.exists(f"/proc/{pid}")


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
