# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts of an inventory are meant, from its groups."""

from __future__ import annotations

import re
import typing as t

from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager, split_host_pattern
from ansible.parsing.dataloader import DataLoader

from ..module_utils._core.errors import MigrationError
from ._filters import plain

Groups = t.Mapping[str, t.Sequence[str]]


def matched(pattern: str, groups: t.Any) -> list[str]:
    """Names of the hosts that Ansible takes the pattern for, without the localhost that is in no inventory.

    Raises BAD_GROUPS, BAD_PATTERN.
    """
    known = groups_from(groups)
    if pattern == "all":  # a manager of 5,000 hosts takes a second
        return list(known.get("all", ()))
    manager = _manager(known)
    # What it cannot split, such as a comma, Ansible takes for all hosts, and so it does an expression that is empty.
    parts = [part.lstrip("!&~") for part in split_host_pattern(pattern)]
    if not parts or not all(parts):
        raise _bad(pattern, "a name in it is empty")
    try:
        found = [str(host.name) for host in manager.get_hosts(pattern=pattern)]
    except (AnsibleError, re.error) as exc:
        raise _bad(pattern, str(exc)) from exc
    everybody = set(known.get("all", ()))
    return [name for name in found if name in everybody]


def groups_from(groups: t.Any) -> Groups:
    """What a template has handed over as the variable ``groups``. Raises BAD_GROUPS."""
    known = plain(groups)
    if isinstance(known, dict) and all(
        isinstance(hosts, list) and all(isinstance(host, str) for host in hosts) for hosts in known.values()
    ):
        return known
    raise _no_groups("a group in it has no list of names" if isinstance(known, dict) else "it is no dictionary")


def _manager(groups: Groups) -> InventoryManager:
    manager = InventoryManager(loader=DataLoader(), parse=False)
    try:
        for group, hosts in groups.items():
            manager.add_group(group)
            for host in hosts:
                manager.add_host(host, group=group)
    except AnsibleError as exc:  # such as an empty name
        raise _no_groups(str(exc)) from exc
    return manager


def _no_groups(why: str) -> MigrationError:
    return MigrationError(
        "BAD_GROUPS",
        f"This is not the variable groups: {why}.",
        state="Nothing was changed.",
        remedy="Give the variable groups as it is.",
    )


def _bad(pattern: str, why: str) -> MigrationError:
    return MigrationError(
        "BAD_PATTERN",
        f"{pattern!r} is no pattern of hosts: {why}.",
        state="Nothing was changed.",
        remedy="Give names of hosts or groups of the inventory.",
    )
