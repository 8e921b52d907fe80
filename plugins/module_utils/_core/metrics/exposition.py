# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics as text in the format that Prometheus and the textfile collector of node_exporter read, version 0.0.4.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass

Labels = t.Mapping[str, str]
Value = t.Union[int, float, bool, None]


@dataclass(frozen=True)
class Family:
    """Gauges of one name. ``samples``: labels and value of each; a value that is not known (None) is left out.

    All are gauges: each file says how things are, and what has been counted begins anew with each migration.
    """

    name: str
    help_text: str
    samples: t.Sequence[tuple[Labels, Value]]


def one(name: str, help_text: str, value: Value, labels: t.Optional[Labels] = None) -> Family:
    return Family(name, help_text, [(labels or {}, value)])


def two_hosts(guests: t.Sequence[tuple[str, str, bool]]) -> Family:
    """Name and UUID of each, and whether it runs on two hosts: an alarm that several files may tell."""
    samples: list[tuple[Labels, Value]] = [({"guest": name, "uuid": uuid}, twice) for name, uuid, twice in guests]
    return Family("live_migration_guest_on_two_hosts", "Whether the guest runs on two hosts at once.", samples)


def exposition(families: t.Sequence[Family]) -> str:
    """Families without a known value are left out altogether."""
    lines: list[str] = []
    for family in families:
        known = [(labels, value) for labels, value in family.samples if value is not None]
        if not known:
            continue
        lines.append(f"# HELP {family.name} {_help(family.help_text)}")
        lines.append(f"# TYPE {family.name} gauge")
        lines += [f"{family.name}{_labels(labels)} {_number(value)}" for labels, value in known]
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: Labels) -> str:
    shown = ",".join(f'{name}="{_value(value)}"' for name, value in labels.items())
    return f"{{{shown}}}" if shown else ""


def _value(text: str) -> str:
    """Names of guests are other people's input: one that breaks out of its label would make metrics of its own."""
    valid = text.encode("utf-8", "replace").decode("utf-8")
    return valid.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _number(value: t.Union[int, float, bool]) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if float(value).is_integer() else repr(float(value))
