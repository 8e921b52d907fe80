# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a plan is done in the time that there is, and what does not get done in it."""

from __future__ import annotations

import typing as t

from ...text import wrapped
from ...units import human_ms

Document = dict[str, t.Any]
_SHOWN = 5  # names in a line


def against_deadline(plan: t.Mapping[str, t.Any], within_s: float) -> Document:
    """Whether a plan (of ``plan_document``) is done within so many seconds, and which transfers end later.

    ``kept`` of the result is None where it would be kept, but not all guests were measured: then the plan has the least
    time only. Guests that go nowhere are not late; the plan itself names them.
    """
    left_s = round(within_s - plan["eta_s"], 1)
    late = [one["name"] for one in plan["guests"] if one["end_s"] > within_s]
    kept = False if left_s < 0 else True if plan["measured"] or not plan["guests"] else None
    # The link or the limit that alone needs longer than there is: with it no order of moves would do.
    slow = [f"{link['name']} ({link['direction']})" for link in plan["links"] if link["least_s"] > within_s]
    return {"within_s": within_s, "kept": kept, "left_s": left_s, "late": late, "too_slow": slow}


def deadline_lines(found: t.Mapping[str, t.Any]) -> list[str]:
    """What :func:`against_deadline` gives, as lines for a person."""
    within, left = human_ms(found["within_s"] * 1000), human_ms(abs(found["left_s"]) * 1000)
    if found["kept"] is not False:
        sure = "" if found["kept"] else ", if what was not measured sends no more than the least"
        return wrapped(f"Whoever moves has arrived within {within}, with {left} to spare{sure}.")
    late = found["late"]
    names = ", ".join(late[:_SHOWN]) + (f" and {len(late) - _SHOWN} more" if late[_SHOWN:] else "")
    text = f"Not all have arrived within {within}, but {left} later. Late: {names}."
    if found["too_slow"]:
        text += f" Whatever the order is, too much has to go over {', '.join(found['too_slow'])}."
    return wrapped(text)
