# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of a module that are given to a filter: read by the specification of the module itself.

So a play knows before it has changed anything what the module would refuse when its turn comes.
"""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..module_utils._ansible.argspec import Spec
from ..module_utils._ansible.option_checks import check_options
from ..module_utils._core.errors import MigrationError
from ._filters import plain


def read_options(spec: Spec, given: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The options as the module gets them: texts as the numbers that they are, defaults where nothing was said.

    ``given``: built-in types. Raises BAD_OPTION for what the specification does not admit, OUT_OF_RANGE and BAD_URI.
    """
    try:
        found = ArgumentSpecValidator(spec).validate(dict(given))
    # A number that no float can hold, a text that it takes for one: the validator looks for errors of its own only.
    except (TypeError, ValueError, OverflowError, RecursionError) as exc:
        raise _bad([str(exc)[:200]]) from None
    if found.error_messages:
        raise _bad(found.error_messages)
    options: dict[str, t.Any] = plain(found.validated_parameters)
    check_options(spec, options)
    return options


def entries(given: t.Any) -> t.Any:
    """A list of entries that a survey may have been asked for: an empty text is none."""
    value = plain(given)
    return [] if value is None or value == "" else value


def _bad(problems: t.Iterable[str]) -> MigrationError:
    return MigrationError("BAD_OPTION", f"{'; '.join(problems)}.", state="Nothing was changed.")
