# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This file is private to the collection and may change at any time.
"""JMESPath expressions over documents of ours, with errors that name the expression."""

from __future__ import annotations

import typing as t

from .errors import MigrationError


def search(expression: str, document: t.Any) -> t.Any:
    """What the expression finds; ``document`` has to be of built-in types, since JMESPath tells types exactly."""
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
        return jmespath.search(expression, document)
    except (JMESPathError, TypeError, ValueError) as exc:
        raise MigrationError(
            "BAD_EXPRESSION",
            f"The JMESPath expression {expression!r} cannot be applied: {exc}.".replace("..", "."),
            state="Nothing was changed.",
            remedy="Correct it; https://jmespath.org explains the language. Literals stand in backticks.",
            evidence={"expression": expression},
        ) from exc
