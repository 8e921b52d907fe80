# SPDX-License-Identifier: GPL-3.0-or-later
"""The events that the source gives out: plain data, in which nothing that a guest's owner has chosen can do harm."""

from __future__ import annotations

import typing as t

from ..text import printable

STARTED = "started"
PROGRESS = "progress"
STUCK = "stuck"
POSTCOPY_BROKEN = "postcopy_broken"
ENDED = "ended"
GUEST_ON_TWO_HOSTS = "guest_on_two_hosts"
HOST_LOST = "host_lost"
HOST_BACK = "host_back"

Event = dict[str, t.Any]

# An event becomes a variable of the playbooks that a rulebook starts, and Ansible takes variables for templates.
_OPENING = (("{{", "{ {"), ("{%", "{ %"), ("{#", "{ #"))


def harmless(text: t.Any) -> str:
    """A text for people: printable, and no template. Guests are found by their UUID, which libvirt checks."""
    shown = printable(text)
    while any(mark in shown for mark, _apart in _OPENING):
        for mark, apart in _OPENING:
            shown = shown.replace(mark, apart)
    return shown


def event(kind: str, host: str, **facts: t.Any) -> Event:
    """``host``: the one that it is about, by its name in the inventory. Facts that are not known (None) are left out,
    so that a rule can ask whether they are defined.
    """
    known = {key: _harmless(value) for key, value in facts.items() if value is not None}
    return {"type": kind, "host": host, **known}


def _harmless(value: t.Any) -> t.Any:
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, t.Mapping):
        return {key: _harmless(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_harmless(one) for one in value]
    return value
