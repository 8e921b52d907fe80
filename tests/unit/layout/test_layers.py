# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of the house, read from the source: who may import whom, and what a module must look like."""

from __future__ import annotations

import ast
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
PLUGINS = ROOT / "plugins"
COLLECTION = "ansible_collections.virtops.live_migration"
UTILS = f"{COLLECTION}.plugins.module_utils"

FILES = sorted(PLUGINS.rglob("*.py"))
MODULES = sorted(file for file in PLUGINS.glob("modules/*.py") if file.name != "__init__.py")
BINDINGS = ("libvirt", "libvirtaio", "libvirt_qemu")
ATTRIBUTES = {"check_mode", "diff_mode", "idempotent", "action_group"}
DOC_BLOCKS = {"DOCUMENTATION", "EXAMPLES", "RETURN"}
MAX_MODULE_CODE_LINES = 170


def name_of(file: Path) -> str:
    return str(file.relative_to(PLUGINS))


def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


def parametrize(files: t.Sequence[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("file", files, ids=name_of)


def in_layer(layer: str) -> list[Path]:
    return [file for file in FILES if name_of(file).startswith(f"module_utils/{layer}/")]


def imports_of(file: Path) -> t.Iterator[str]:
    """All imports of a file as absolute dotted names; of "from a import b" both, as "a.b"."""
    package = f"{COLLECTION}.plugins.{'.'.join(file.relative_to(PLUGINS).with_suffix('').parts)}".split(".")[:-1]
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            for alias in node.names:
                yield ".".join([*base, *([node.module] if node.module else []), alias.name])


def outside(imports: t.Iterable[str], *allowed: str) -> list[str]:
    """The imports that are neither of the standard library nor below one of the allowed names."""
    return [
        name
        for name in imports
        if name.split(".")[0] not in standard_library() and not any(f"{name}.".startswith(f"{a}.") for a in allowed)
    ]


def standard_library() -> frozenset[str]:
    if sys.version_info >= (3, 10):
        return sys.stdlib_module_names
    pytest.skip("Python 3.9 has no list of the modules of its standard library")


def constant(file: Path, name: str, scope: str | None = None) -> str | None:
    """The string that a file (or a class in it) assigns to a name."""
    body = tree_of(file).body
    if scope:
        body = next(node.body for node in body if isinstance(node, ast.ClassDef) and node.name == scope)
    for node in body:
        if isinstance(node, ast.Assign) and any(isinstance(x, ast.Name) and x.id == name for x in node.targets):
            return t.cast(str, ast.literal_eval(node.value))
    return None


# --- who imports whom


@parametrize(in_layer("_core"))
def test_core_is_pure(file: Path) -> None:
    assert outside(imports_of(file), "jmespath", f"{UTILS}._core") == []


@parametrize(in_layer("_libvirt"))
def test_libvirt_layer_knows_nothing_of_ansible(file: Path) -> None:
    assert outside(imports_of(file), *BINDINGS, f"{UTILS}._libvirt", f"{UTILS}._host", f"{UTILS}._core") == []


@parametrize(in_layer("_host"))
def test_what_reads_the_host_itself_knows_neither(file: Path) -> None:
    assert outside(imports_of(file), f"{UTILS}._host", f"{UTILS}._core") == []


@parametrize(in_layer("_core"))
def test_nobody_below_reads_the_host(file: Path) -> None:
    assert [name for name in imports_of(file) if name.startswith(f"{UTILS}._host")] == []


@parametrize(FILES)
def test_only_the_libvirt_layer_imports_libvirt(file: Path) -> None:
    if file not in in_layer("_libvirt"):
        assert [name for name in imports_of(file) if name.split(".")[0] in BINDINGS] == []


@parametrize(in_layer("_ansible"))
def test_ansible_layer_imports_what_is_below(file: Path) -> None:
    assert outside(imports_of(file), "ansible.module_utils", UTILS) == []


@parametrize(MODULES)
def test_modules_import_the_house_and_the_basics(file: Path) -> None:
    assert outside(imports_of(file), "ansible.module_utils.basic", UTILS) == []


@parametrize([file for file in FILES if file not in MODULES])
def test_arrows_go_down(file: Path) -> None:
    assert [name for name in imports_of(file) if name.startswith(f"{COLLECTION}.plugins.modules")] == []


# --- what nobody may do


@parametrize(in_layer("_core"))
def test_core_never_waits_and_has_no_clock(file: Path) -> None:
    clocks = {"time", "asyncio", "threading", "sched", "selectors", "signal"}
    assert [name for name in imports_of(file) if name.split(".")[0] in clocks] == []
    calls = {n.attr for n in ast.walk(tree_of(file)) if isinstance(n, ast.Attribute)}
    assert calls & {"now", "utcnow", "today"} == set()


@parametrize(in_layer("_core"))
def test_core_is_typed(file: Path) -> None:
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.FunctionDef):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            untyped = [a.arg for a in arguments if a.annotation is None and a.arg not in {"self", "cls"}]
            assert untyped == [], f"{node.name} has arguments without a type"
            assert node.returns is not None, f"{node.name} has no return type"


@parametrize(FILES)
def test_annotations_are_not_evaluated(file: Path) -> None:
    if tree_of(file).body:
        assert "__future__.annotations" in set(imports_of(file))


@parametrize(MODULES)
def test_modules_start_no_processes(file: Path) -> None:
    assert [name for name in imports_of(file) if name.split(".")[0] in {"subprocess", "os", "pty"}] == []
    calls = {n.attr for n in ast.walk(tree_of(file)) if isinstance(n, ast.Attribute)}
    assert "run_command" not in calls


@parametrize(MODULES)
def test_modules_are_thin(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    documentation: set[int] = set()
    for node in tree_of(file).body:
        if isinstance(node, ast.Assign) and {x.id for x in node.targets if isinstance(x, ast.Name)} & DOC_BLOCKS:
            documentation.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    code = [
        line
        for number, line in enumerate(lines, start=1)
        if number not in documentation and line.strip() and not line.strip().startswith("#")
    ]
    assert len(code) <= MAX_MODULE_CODE_LINES


@pytest.mark.parametrize("directory", ["module_utils", "doc_fragments", "plugin_utils"])
def test_internals_are_private(directory: str) -> None:
    found = [entry.name for entry in (PLUGINS / directory).glob("*") if entry.name != "__pycache__"]
    assert [name for name in found if not name.startswith("_")] == []


def test_one_place_opens_connections_to_daemons() -> None:
    """With a limit to it: wherever else one is opened, a daemon that says nothing would be waited for without end."""
    places = [
        (name_of(file), node.attr)
        for file in FILES
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in BINDINGS
        and node.attr.startswith("open")
    ]
    assert places == [("module_utils/_libvirt/connection.py", "open")]


# --- what every module has


def test_the_action_group_holds_every_module() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert runtime["action_groups"] == {"all": [file.stem for file in MODULES]}


@parametrize(MODULES)
def test_every_attribute_is_documented(file: Path) -> None:
    documentation = yaml.safe_load(constant(file, "DOCUMENTATION") or "{}")
    attributes: dict[str, dict[str, t.Any]] = {}
    for fragment in documentation.get("extends_documentation_fragment", []):
        path, _dot, variable = fragment.removeprefix("virtops.live_migration.").partition(".")
        text = constant(
            PLUGINS / "doc_fragments" / f"{path}.py", variable.upper() or "DOCUMENTATION", "ModuleDocFragment"
        )
        for name, value in yaml.safe_load(text or "{}").get("attributes", {}).items():
            attributes.setdefault(name, {}).update(value)
    for name, value in documentation.get("attributes", {}).items():
        attributes.setdefault(name, {}).update(value)
    assert set(attributes) == ATTRIBUTES
    assert [name for name, value in attributes.items() if not {"description", "support"} <= set(value)] == []


@parametrize(MODULES)
def test_every_module_documents_itself(file: Path) -> None:
    for block in DOC_BLOCKS:
        text = constant(file, block)
        assert text, f"{block} is missing"
        assert yaml.safe_load(text)
