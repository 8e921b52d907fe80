# SPDX-License-Identifier: GPL-3.0-or-later
"""JMESPath expressions over documents of ours, with errors that name the expression, and bounds to what they take.

A short expression may double its value again and again ("[@,@]|[][]|..."), so the steps of the library's interpreter
are counted, and what they make. The values within another are counted where they would be gone through: in the result,
in comparisons, and where texts are made of them.
"""

from __future__ import annotations

import typing as t

from .errors import MigrationError
from .json_text import check_depth

# What has no measurement here is a choice, far beyond any expression that a person writes.
_MOST_CHARACTERS = 10_000
_MOST_NODES, _MOST_DEEP = 2_000, 100  # of the expression
MOST_STEPS = 3_000_000  # 4 s of a slow processor; a filter of four comparisons over 50,000 guests takes 1,000,000
_MOST_MADE = 4_000_000  # values that are put into lists and dictionaries, or gone through: up to 2 s
_MOST_WEIGHT = 2_000_000  # values and characters of one value that is made, unless the document has as many
_CHARACTERS_AT_ONCE = 100  # of a text, beside one value of a list
_MOST_LEVELS = 200  # of a result
_LONGEST_NUMBER = 400  # characters of a text for to_number; the largest float has 309 digits


class _TooMuchError(Exception):
    """The expression would take more than it may."""


def search(expression: str, document: t.Any, most_steps: int = MOST_STEPS) -> t.Any:
    """What a JMESPath expression finds in a document, which has to be of built-in types: JMESPath tells types exactly.

    Raises MigrationError: BAD_EXPRESSION for one that does not parse, fails or takes more than its bounds, and
    JMESPATH_MISSING.
    """
    try:
        import jmespath
        from jmespath.exceptions import JMESPathError
    except ImportError as exc:
        raise MigrationError(
            "JMESPATH_MISSING",
            "The Python library jmespath is missing.",
            state="Nothing was changed.",
            remedy="Install it where this runs: package python3-jmespath, or jmespath from PyPI.",
        ) from exc
    try:
        if len(expression) > _MOST_CHARACTERS:
            raise _TooMuchError(f"it is longer than {_MOST_CHARACTERS} characters")
        parsed = jmespath.compile(expression).parsed
        _check_expression(parsed)
        found = _Bounds(most_steps).interpreter().visit(parsed, document)
        _check_result(found, document)
        return found
    except RecursionError as exc:
        raise _bad(expression, "it is nested too deep") from exc
    except (
        JMESPathError,
        ArithmeticError,
        AttributeError,
        LookupError,
        NotImplementedError,
        TypeError,
        ValueError,
        _TooMuchError,
    ) as exc:
        raise _bad(expression, str(exc)) from exc


def _bad(expression: str, why: str) -> MigrationError:
    shown = expression if len(expression) <= 300 else f"{expression[:300]}…"
    why = why if len(why) <= 1000 else f"{why[:1000]}…"
    return MigrationError(
        "BAD_EXPRESSION",
        f"The JMESPath expression {shown!r} cannot be applied: {why}.".replace("..", "."),
        state="Nothing was changed.",
        remedy="Correct it; https://jmespath.org explains the language. Literals stand in backticks.",
        evidence={"expression": shown},
    )


class _Bounds:
    """What one search has taken so far, put around what the library does."""

    def __init__(self, most_steps: int) -> None:
        self._most_steps = most_steps
        self._steps = self._made = 0

    def interpreter(self) -> t.Any:
        """The library's, each step of which is counted. Its own methods call each other by these names."""
        from jmespath.visitor import TreeInterpreter

        made = TreeInterpreter()
        visit, compare, functions = made.visit, made.COMPARATOR_FUNC, made._functions

        def counted(node: t.Mapping[str, t.Any], *given: t.Any, **named: t.Any) -> t.Any:
            self._steps += 1
            if self._steps > self._most_steps:
                raise _TooMuchError(f"it takes more than {self._most_steps} steps")
            found = visit(node, *given, **named)
            if node["type"] in _MAKERS and isinstance(found, (list, dict)):
                self._make(len(found))
            return found

        def flatten(node: t.Mapping[str, t.Any], value: t.Any) -> t.Optional[list[t.Any]]:
            # As the library's, but counted before: a list of one and the same long list is made in one step.
            base = made.visit(node["children"][0], value)
            if not isinstance(base, list):
                return None
            parts = [one if isinstance(one, list) else [one] for one in base]
            self._make(sum(map(len, parts)))
            return [one for part in parts for one in part]

        made.visit, made.visit_flatten = counted, flatten
        made.COMPARATOR_FUNC = {**compare, "eq": self._measuring(compare["eq"]), "ne": self._measuring(compare["ne"])}
        made._functions = _Functions(functions, self)
        return made

    def _measuring(self, compare: t.Callable[[t.Any, t.Any], t.Any]) -> t.Callable[[t.Any, t.Any], t.Any]:
        def measured(left: t.Any, right: t.Any) -> t.Any:
            # Values of different types are told apart at once.
            if isinstance(left, (list, dict)) and type(left) is type(right):
                self.go_through(left)
                self.go_through(right)
            return compare(left, right)

        return measured

    def go_through(self, value: t.Any) -> None:
        """All of it will be looked at."""
        self._make(_weight(value, _MOST_WEIGHT).values)

    def _make(self, values: int) -> None:
        self._made += values
        if self._made > _MOST_MADE:
            raise _TooMuchError("it makes too many values")

    def functions_take(self, arguments: t.Sequence[t.Any]) -> None:
        self._make(sum(len(one) for one in arguments if isinstance(one, (list, dict))))
        self._make(sum(len(one) for one in arguments if isinstance(one, str)) // _CHARACTERS_AT_ONCE)


_MAKERS = frozenset(
    (
        "filter_projection",
        "function_expression",
        "multi_select_dict",
        "multi_select_list",
        "projection",
        "slice",
        "value_projection",
    )
)


class _Functions:
    """The library's functions, with a look at what they are given."""

    def __init__(self, functions: t.Any, bounds: _Bounds) -> None:
        self._functions, self._bounds = functions, bounds

    def call_function(self, name: str, arguments: t.Sequence[t.Any]) -> t.Any:
        self._bounds.functions_take(arguments)
        if name in ("to_string", "contains", "join"):
            for one in arguments:
                self._bounds.go_through(one)
        if name == "join" and len(arguments) == 2 and isinstance(arguments[1], list):
            length = len(arguments[0]) * len(arguments[1]) if isinstance(arguments[0], str) else 0
            if length > _MOST_WEIGHT:
                raise _TooMuchError("it makes a text that is too long")
        if name == "to_number" and len(arguments) == 1 and isinstance(arguments[0], str):
            arguments = arguments if len(arguments[0]) <= _LONGEST_NUMBER else [None]
        return self._functions.call_function(name, arguments)


def _check_expression(parsed: t.Mapping[str, t.Any]) -> None:
    level, count = [parsed], 0
    for _number in range(_MOST_DEEP):
        count += len(level)
        if count > _MOST_NODES:
            raise _TooMuchError(f"it has more than {_MOST_NODES} parts")
        for node in level:
            if node["type"] == "literal":
                check_depth(node["value"], _MOST_DEEP)
        level = [one for node in level for one in node["children"] if isinstance(one, dict)]
        if not level:
            return
    raise _TooMuchError(f"it is nested deeper than {_MOST_DEEP}")


def _check_result(found: t.Any, document: t.Any) -> None:
    try:
        _weight(found, _MOST_WEIGHT)
    except _TooMuchError:
        # A part of a large document may be as large. More than that has been made of it.
        _weight(found, max(_MOST_WEIGHT, _weight(document, None).all))


class _Weight(t.NamedTuple):
    values: int
    characters: int

    @property
    def all(self) -> int:
        return self.values + self.characters


def _weight(value: t.Any, most: t.Optional[int]) -> _Weight:
    """What it has, as a text would: what stands in it twice counts twice."""
    weight, level = _Weight(0, 0), [value]
    for _number in range(_MOST_LEVELS):
        below: list[t.Any] = []
        characters = 0
        for one in level:
            if isinstance(one, str):
                characters += len(one)
            elif isinstance(one, dict):
                characters += sum(map(len, map(str, one)))
                below.extend(one.values())
            elif isinstance(one, list):
                below.extend(one)
            if most is not None and weight.all + len(level) + len(below) + characters > most:
                raise _TooMuchError("what it makes is too large")
        weight = _Weight(weight.values + len(level), weight.characters + characters)
        if not below:
            return weight
        level = below
    raise _TooMuchError(f"what it makes is nested deeper than {_MOST_LEVELS}")
