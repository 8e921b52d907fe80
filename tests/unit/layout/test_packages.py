# SPDX-License-Identifier: GPL-3.0-or-later

"""The packages of module_utils and the arrows between them: the architecture, held against the imports.

A package may import from itself, from what stands beside it here, and from nothing else of the collection. Each arrow
is in use, there is no circle, and no folder grows into a heap.
"""

from __future__ import annotations

import ast
import typing as t
from pathlib import Path

import pytest

UTILS = Path(__file__).resolve().parents[3] / "plugins" / "module_utils"
ABSOLUTE = "ansible_collections.virtops.live_migration.plugins.module_utils"
MOST_FILES_IN_A_FOLDER = 24

# From below to above. In words: what a job says -> what is wrong with it, how a migration will go -> what to do next
# -> how a guest is moved; what a host is -> whether guests can go there, in which order a host is emptied.
ARROWS: dict[str, set[str]] = {
    "_core": set(),
    "_core/job": {"_core"},
    "_core/diagnosis": {"_core", "_core/job"},
    "_core/forecast": {"_core", "_core/job"},
    "_core/supervision": {"_core", "_core/job", "_core/diagnosis", "_core/forecast"},
    "_core/watch": {"_core", "_core/job", "_core/diagnosis", "_core/forecast", "_core/supervision"},
    "_core/metrics": {"_core/diagnosis", "_core/job", "_core/supervision"},
    "_core/host": {"_core"},
    "_core/balloon": {"_core", "_core/host"},
    "_core/migration": {"_core", "_core/balloon", "_core/job", "_core/forecast", "_core/supervision"},
    "_core/host/parse": {"_core", "_core/host"},
    "_core/host/firewall": {"_core/host"},
    "_core/readiness/checks": {"_core", "_core/balloon", "_core/forecast", "_core/host", "_core/host/parse"},
    "_core/readiness": {"_core", "_core/forecast", "_core/host", "_core/readiness/checks"},
    "_core/evacuation": set(),
    "_core/evacuation/plan": {
        "_core",
        "_core/balloon",
        "_core/evacuation",
        "_core/job",
        "_core/forecast",
        "_core/host",
    },
    "_core/evacuation/run": {"_core", "_core/evacuation", "_core/forecast", "_core/migration"},
    "_core/libvirt_errors": set(),
    "_core/report": {"_core"},
    "_host": {
        "_core",
        "_core/job",
        "_core/forecast",
        "_core/host",
        "_core/host/firewall",
        "_core/host/parse",
        "_core/report",
    },
    "_host/vcpu": {"_core", "_core/host/parse", "_core/job", "_host"},
    "_host/qemu": {"_core", "_core/host/parse", "_host"},
    "_libvirt": {"_core", "_core/host", "_core/host/parse", "_core/job", "_core/libvirt_errors"},
    "_libvirt/guest_agent": {"_core", "_core/host/parse", "_core/libvirt_errors", "_libvirt"},
    "_libvirt/job": {
        "_core",
        "_core/job",
        "_core/diagnosis",
        "_core/supervision",
        "_core/migration",
        "_core/host",
        "_core/libvirt_errors",
        "_host",
        "_host/qemu",
        "_libvirt",
    },
    "_libvirt/host": {
        "_core",
        "_core/balloon",
        "_core/job",
        "_core/host",
        "_core/host/parse",
        "_core/readiness/checks",
        "_core/libvirt_errors",
        "_host",
        "_libvirt",
        "_libvirt/job",
    },
    "_libvirt/measure": {
        "_core",
        "_core/forecast",
        "_core/host",
        "_core/migration",
        "_host",
        "_libvirt",
        "_libvirt/job",
    },
    "_libvirt/balloon": {"_core", "_core/balloon", "_core/host/parse", "_libvirt"},
    "_libvirt/migration": {
        "_core",
        "_core/balloon",
        "_core/job",
        "_core/forecast",
        "_core/supervision",
        "_core/migration",
        "_core/host",
        "_core/host/parse",
        "_core/readiness/checks",
        "_core/metrics",
        "_core/libvirt_errors",
        "_host",
        "_host/vcpu",
        "_libvirt",
        "_libvirt/balloon",
        "_libvirt/job",
        "_libvirt/measure",
    },
    "_libvirt/watch": {
        "_core",
        "_core/diagnosis",
        "_core/host",
        "_core/job",
        "_core/watch",
        "_libvirt",
        "_libvirt/job",
    },
    "_libvirt/evacuation": {
        "_core",
        "_core/job",
        "_core/evacuation",
        "_core/evacuation/run",
        "_core/host",
        "_core/metrics",
        "_core/libvirt_errors",
        "_host",
        "_libvirt",
        "_libvirt/job",
        "_libvirt/migration",
    },
    "_ansible": {
        "_core",
        "_core/forecast",
        "_core/host",
        "_core/readiness",
        "_core/readiness/checks",
        "_core/migration",
        "_core/evacuation",
        "_core/evacuation/plan",
        "_core/evacuation/run",
        "_host",
        "_libvirt",
        "_libvirt/host",
        "_libvirt/measure",
        "_libvirt/migration",
        "_libvirt/evacuation",
    },
}


def package_of(file: Path) -> str:
    return file.parent.relative_to(UTILS).as_posix()


def imported_packages(file: Path) -> t.Iterator[str]:
    """The packages of module_utils that a file imports from, its own left out."""
    here = list(file.parent.relative_to(UTILS).parts)
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level:
            module = [*here[: len(here) - node.level + 1], *(node.module or "").split(".")]
        elif (node.module or "").startswith(ABSOLUTE):
            module = (node.module or "")[len(ABSOLUTE) :].strip(".").split(".")
        else:
            continue
        path = UTILS.joinpath(*[part for part in module if part])
        package = (path if path.is_dir() else path.parent).relative_to(UTILS).as_posix()
        if package != package_of(file):
            yield package


FILES = sorted(UTILS.rglob("*.py"))
FOUND: dict[str, set[str]] = {}
for _file in FILES:
    FOUND.setdefault(package_of(_file), set()).update(imported_packages(_file))


def test_every_package_is_in_the_table() -> None:
    assert sorted(FOUND) == sorted(ARROWS)


@pytest.mark.parametrize("package", sorted(ARROWS))
def test_the_arrows_are_those_of_the_table(package: str) -> None:
    assert FOUND[package] == ARROWS[package]


def test_the_table_reads_from_below_to_above() -> None:
    """So there is no circle either."""
    below: set[str] = set()
    for package, arrows in ARROWS.items():
        assert arrows <= below, f"{package} is above something that stands further down in the table"
        below.add(package)


@pytest.mark.parametrize("package", sorted(ARROWS))
def test_no_folder_is_a_heap(package: str) -> None:
    assert len([file for file in FILES if package_of(file) == package]) <= MOST_FILES_IN_A_FOLDER
