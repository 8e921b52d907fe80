# SPDX-License-Identifier: GPL-3.0-or-later

"""Templates of roles and playbooks mean the same with and without native types.

Before ansible-core 2.19 a template yields a text unless it looks like a list, a dictionary or a boolean, and whoever
gives a variable on the command line gives a text, too. ``'0'`` and ``'false'`` are true, and ``'20'`` is not 20.
So a number or a boolean is converted where it is used, and 0 is not taken for nothing.
"""

from __future__ import annotations

import typing as t
from functools import cache
from pathlib import Path

import pytest
import yaml
from jinja2 import Environment, nodes

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted([*ROOT.glob("roles/*/*/*.yml"), *ROOT.glob("playbooks/*.yml"), *ROOT.glob("playbooks/tasks/*.yml")])
SOURCES = [path for path in FILES if path.parent.name != "meta" and not path.name.endswith(".meta.yml")]

# Regular expressions in texts of templates: Jinja takes what it does not know of for a backslash.
pytestmark = pytest.mark.filterwarnings("ignore:invalid escape sequence")

# Their values are expressions without braces.
CONDITIONS = {"when", "that", "failed_when", "changed_when", "until"}
NUMBERS = {"int", "float", "length", "count", "round", "sum", "abs"}
UNITS = ("_ms", "_s", "_bytes", "_mib", "_percent", "_mbit_per_s")
ARITHMETIC = (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow)
ENVIRONMENT = Environment()
# Names of one guest, or of hosts: texts, but ``default(x, true)`` would take 0 and false for nobody, and so for all.
NAMES = {"live_migration_guest", "live_migration_hosts"}


@cache
def load(path: Path) -> t.Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def parse(text: str, condition: bool) -> nodes.Template:
    return ENVIRONMENT.parse("{{ (" + text + ") }}" if condition else text)


def expressions(value: t.Any, condition: bool = False) -> t.Iterator[tuple[str, bool]]:
    """Each text in the YAML, and whether it is an expression without braces."""
    if isinstance(value, str):
        if condition or "{{" in value or "{%" in value:
            yield value, condition and "{{" not in value
    elif isinstance(value, list):
        for one in value:
            yield from expressions(one, condition)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from expressions(one, key in CONDITIONS)


def specified() -> dict[str, str]:
    """The type of each option of a role or a playbook."""
    found = {}
    for path in [*ROOT.glob("roles/*/meta/argument_specs.yml"), *ROOT.glob("playbooks/*.meta.yml")]:
        for entry in load(path)["argument_specs"].values():
            found.update({name: option["type"] for name, option in entry.get("options", {}).items()})
    return found


def is_number(node: nodes.Node) -> bool:
    """Whether an expression yields a number, as far as it shows."""
    if isinstance(node, nodes.Filter):
        if node.name in ("max", "min", "default", "first", "last"):
            return any(is_number(one) for one in [node.node, *node.args] if one is not None)
        return node.name in NUMBERS
    if isinstance(node, (nodes.List, *ARITHMETIC)):
        return any(is_number(one) for one in node.iter_child_nodes())
    if isinstance(node, nodes.CondExpr):
        return any(is_number(one) for one in (node.expr1, node.expr2) if one is not None)
    return isinstance(node, nodes.Const) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool)


def made_of_numbers(value: t.Any, key: str = "") -> t.Iterator[str]:
    """Keys under which a template that yields a number is put: in variables, and in dictionaries there."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from made_of_numbers(one, name)
    elif isinstance(value, list):
        for one in value:
            yield from made_of_numbers(one)
    elif isinstance(value, str) and "{{" in value and key:
        body = ENVIRONMENT.parse(value.strip()).body
        outputs = body[0].nodes if len(body) == 1 and isinstance(body[0], nodes.Output) else []
        if len(outputs) == 1 and is_number(outputs[0]):
            yield key


def put_apart(value: t.Any, depth: int = 0) -> t.Iterator[str]:
    """Keys in dictionaries of variables with a unit in their name, whose number becomes a text on its way there.

    What may be omitted goes to a module, which takes numbers as text.
    """
    if isinstance(value, dict):
        for name, one in value.items():
            templated = isinstance(one, str) and "{{" in one and "omit" not in one
            if depth and templated and str(name).endswith(UNITS):
                yield str(name)
            yield from put_apart(one, depth + 1)
    elif isinstance(value, list):
        for one in value:
            yield from put_apart(one, depth + 1)


def variables(value: t.Any) -> t.Iterator[t.Any]:
    """What is given as variables, in all plays and tasks of a file."""
    if isinstance(value, list):
        for one in value:
            yield from variables(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key in ("vars", "ansible.builtin.set_fact"):
                yield one
            yield from variables(one)


@cache
def numbers_beside(path: Path) -> frozenset[str]:
    """Keys that hold numbers which templates have made: in the files of the same role, or in all playbooks."""
    role = path.parents[1] if path.is_relative_to(ROOT / "roles") else None
    found: set[str] = set()
    for one in SOURCES:
        if (one.parents[1] if one.is_relative_to(ROOT / "roles") else None) == role:
            content = load(one)
            given = [content] if one.parent.name in ("vars", "defaults") else variables(content)
            found.update(name for value in given for name in made_of_numbers(value))
    return frozenset(found)


def name_of(node: nodes.Node) -> str:
    """The variable, or the key, that an expression without conversion stands for."""
    if isinstance(node, nodes.Filter) and node.name == "default" and node.node is not None:
        return name_of(node.node)
    if isinstance(node, nodes.Getattr):
        return node.attr
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return str(node.arg.value)
    return node.name if isinstance(node, nodes.Name) else ""


def used_as_they_are(tree: nodes.Template, condition: bool) -> t.Iterator[nodes.Node]:
    """Operands whose type decides what comes out."""
    if condition and isinstance(tree.body[0], nodes.Output):
        yield from tree.body[0].nodes
    for node in tree.find_all((nodes.And, nodes.Or, nodes.Not, nodes.Neg, *ARITHMETIC)):
        yield from node.iter_child_nodes()
    for node in tree.find_all((nodes.CondExpr, nodes.If, nodes.For)):
        if node.test is not None:
            yield node.test
    for node in tree.find_all(nodes.Compare):
        operands = [node.expr, *(one.expr for one in node.ops)]
        yield from operands
        for one in operands:
            yield from one.items if isinstance(one, (nodes.List, nodes.Tuple)) else []
    for node in tree.find_all(nodes.Filter):
        if node.name in ("max", "min") and isinstance(node.node, nodes.List):
            yield from node.node.items


def lost(tree: nodes.Template) -> t.Iterator[tuple[str, t.Any]]:
    """Variables with a default that stands for 0 and false as well, and that default."""
    for node in tree.find_all(nodes.Filter):
        if node.name in ("default", "d") and node.node is not None and len(node.args) > 1:
            instead = node.args[0].value if isinstance(node.args[0], nodes.Const) else ...
            yield name_of(node.node), instead


def problems(text: str, condition: bool, types: t.Mapping[str, str], numbers: t.AbstractSet[str]) -> list[str]:
    tree = parse(text, condition)
    found = []
    for node in used_as_they_are(tree, condition):
        name = name_of(node)
        if name in numbers or types.get(name) in ("int", "float", "bool"):
            found.append(f"{name} is not converted where it is used: {text}")
    for name, instead in lost(tree):
        keeps_zero = types.get(name) in ("int", "float", "bool") and instead in (0, False)
        if (types.get(name) in ("int", "float", "bool", "list") or name in NAMES) and not keeps_zero:
            found.append(f"0 and false in {name} are taken for nothing: {text}")
    return found


TYPES = specified()


@pytest.mark.parametrize("path", SOURCES, ids=[str(path.relative_to(ROOT)) for path in SOURCES])
def test_numbers_and_booleans_are_converted_where_they_are_used(path: Path) -> None:
    numbers = numbers_beside(path)
    assert [
        one for text, condition in expressions(load(path)) for one in problems(text, condition, TYPES, numbers)
    ] == []


@pytest.mark.parametrize("path", SOURCES, ids=[str(path.relative_to(ROOT)) for path in SOURCES])
def test_dictionaries_with_numbers_are_made_in_one_template(path: Path) -> None:
    content = load(path)
    given = [content] if path.parent.name == "vars" else variables(content)
    assert [name for value in given for name in put_apart(value)] == []


SEEN = [
    ("{{ link or omit }}", False),
    ("{{ link | default(omit, true) }}", False),
    ("{{ link | default(15, true) }}", False),
    ("{{ names | default([], true) | virtops.live_migration.name_list }}", False),
    ("{{ 1 if not link else 2 }}", False),
    ("{{ item.note.set == 20 }}", False),
    ("{{ link | default(0) > 5 }}", False),
    ("{{ [link, 1] | max }}", False),
    ("{{ link * 2 }}", False),
    ("{{ 5 in [link] }}", False),
    ("{%- for one in all if not link -%}{{ one }}{%- endfor -%}", False),
    ("measure", True),
    ("not measure", True),
    ("rounds > 0", True),
    ("{{ 'yes' if measure else 'no' }}", False),
]
SOUND = [
    ("{{ link | float or omit }}", False),
    ("{{ link | default(0, true) | float or omit }}", False),
    ("{{ link | default('') | virtops.live_migration.unless_blank(15) }}", False),
    ("{{ names | default('') | virtops.live_migration.name_list or groups['all'] }}", False),
    ("{{ item.note.set | int == 20 }}", False),
    ("{{ link }}", False),
    ("{{ measure | default(false, true) | bool }}", False),
    ("measure | bool", True),
    ("rounds | int > 0", True),
    ("link is defined", True),
    ("text | default('x', true) == 'y'", True),
]
OF_THE_TABLES = {"link": "float", "measure": "bool", "names": "list", "text": "str"}


@pytest.mark.parametrize(("text", "condition"), SEEN)
def test_what_depends_on_native_types_is_seen(text: str, condition: bool) -> None:
    assert problems(text, condition, OF_THE_TABLES, {"set", "rounds"})


@pytest.mark.parametrize(("text", "condition"), SOUND)
def test_what_does_not_is_left_alone(text: str, condition: bool) -> None:
    assert problems(text, condition, OF_THE_TABLES, {"set", "rounds"}) == []


def test_which_templates_yield_numbers() -> None:
    given = {
        "a": "{{ x | int }}",
        "b": "{{ [x | float / 2, 1] | max | int }}",
        "c": "{{ (x | int) + 1 }}",
        "d": {"e": "{{ 1 if x else 2 }}"},
        "f": "{{ x | default(0) }}",
        "g": "{{ {'h': x | int} }}",
        "i": "{{ a + [b] }}",
        "j": "{{ x | length > 0 }}",
        "k": "{{ x | int }} MiB/s",
    }
    assert sorted(made_of_numbers(given)) == ["a", "b", "c", "e", "f"]
