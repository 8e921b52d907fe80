# SPDX-License-Identifier: GPL-3.0-or-later
"""A module's options as its argument specification declares them, gone through once for all that is checked of them."""

from __future__ import annotations

import typing as t


class DeclaredValue(t.NamedTuple):
    """An option with its value. ``place``: where it stands, for an error: ``destinations[0].migrate_uri``."""

    name: str
    place: str
    value: t.Any


def declared_values(
    spec: t.Mapping[str, t.Mapping[str, t.Any]], options: t.Mapping[str, t.Any], within: str = ""
) -> t.Iterator[DeclaredValue]:
    """The options and suboptions that have a value, in the order of the specification.

    ``spec``: an argument specification; ``options``: parameters by it; ``within``: the place that they stand in. What
    the specification does not declare, as the inside of a document, is not looked at.
    """
    for name, declared in spec.items():
        value = options.get(name)
        if value is None:
            continue
        place = f"{within}.{name}" if within else name
        yield DeclaredValue(name, place, value)
        if "options" not in declared:
            continue
        if isinstance(value, t.Mapping):
            yield from declared_values(declared["options"], value, place)
        elif isinstance(value, (list, tuple)):
            for number, one in enumerate(value):
                if isinstance(one, t.Mapping):
                    yield from declared_values(declared["options"], one, f"{place}[{number}]")
