# SPDX-License-Identifier: GPL-3.0-or-later
"""What is called otherwise on the destination: names of the host's own that stand in a guest's definition."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, fields

from .addresses import on_every_host, same_address
from .errors import MigrationError

_NAMES = ("bridges", "networks", "devices", "listen_addresses", "paths")


@dataclass(frozen=True)
class DestinationChanges:
    """By kind of name: what stands for a name of the source on the destination. A name that is not there is the same.

    ``bridges`` and ``devices`` are those that guests' interfaces are connected to, ``networks`` are libvirt's.
    ``listen_addresses``: of consoles and serial devices. ``paths``: of files and directories; of several that a path is
    in the innermost counts. ``same_storage``: the user's word that a disk, which is not copied, is the same one at its
    other path.
    """

    bridges: t.Mapping[str, str] = field(default_factory=dict)
    networks: t.Mapping[str, str] = field(default_factory=dict)
    devices: t.Mapping[str, str] = field(default_factory=dict)
    listen_addresses: t.Mapping[str, str] = field(default_factory=dict)
    paths: t.Mapping[str, str] = field(default_factory=dict)
    same_storage: bool = False

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in _NAMES)

    def bridge(self, name: str) -> str:
        return self.bridges.get(name, name)

    def network(self, name: str) -> str:
        return self.networks.get(name, name)

    def device(self, name: str) -> str:
        return self.devices.get(name, name)

    def listen_address(self, text: str) -> str:
        """One that all hosts have is never replaced, unless it is named as it is written."""
        if text in self.listen_addresses or on_every_host(text):
            return self.listen_addresses.get(text, text)
        return next((there for here, there in self.listen_addresses.items() if same_address(here, text)), text)

    def path(self, text: str) -> str:
        """The path with its beginning replaced, by the longest key of ``paths`` that it is or is below."""
        found = [here for here in self.paths if text == here or text.startswith(here.rstrip("/") + "/")]
        if not found:
            return text
        here = max(found, key=len)
        return self.paths[here].rstrip("/") + text[len(here.rstrip("/")) :] or "/"


def changes_from(plain: t.Optional[t.Mapping[str, t.Any]]) -> DestinationChanges:
    """From the option ``destination_changes`` of a module; None changes nothing.

    Raises BAD_CHANGES for what is no name, or a path that is not absolute.
    """
    given = {key: value for key, value in (plain or {}).items() if value is not None}
    unknown = sorted(set(given) - {one.name for one in fields(DestinationChanges)})
    if unknown:
        raise _bad(f"There is no {unknown[0]!r}", "The names are: " + ", ".join(_NAMES) + ", same_storage.")
    for name in _NAMES:
        for here, there in dict(given.get(name, {})).items():
            if not all(isinstance(one, str) and one.strip() == one and one for one in (here, there)):
                raise _bad(
                    f"In {name}, {here!r}: {there!r} are not two names", "Give both as texts that are not empty."
                )
            if name == "paths" and not (here.startswith("/") and there.startswith("/")):
                raise _bad(f"In paths, {here!r}: {there!r} are not two absolute paths", "Let both begin with a slash.")
    return DestinationChanges(**given)


def _bad(problem: str, remedy: str) -> MigrationError:
    return MigrationError(
        "BAD_CHANGES", f"destination_changes is wrong. {problem}.", state="Nothing was changed.", remedy=remedy
    )
