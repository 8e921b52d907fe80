# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host takes guests, by the two notes that say that it takes none.

One is kept by its libvirt, the other is a local fact of Ansible that the roles write. Whichever says that the host
takes none holds, and a fact that cannot be read says so, too: the host may be about to be rebooted.
"""

from __future__ import annotations

import typing as t

FACT = "virtops_live_migration"
KEY = "cordoned"


def said_by_fact(fact: t.Any) -> t.Optional[bool]:
    """Whether the host takes no guests, by the content of its fact; None: it is there and cannot be understood.

    A template of an older Ansible has made a text of it.
    """
    if not isinstance(fact, t.Mapping):
        return None
    return {"true": True, "false": False}.get(str(fact.get(KEY)).lower())


def said_by_local_facts(facts: t.Any) -> t.Optional[bool]:
    """The same by all local facts of a host, as Ansible has them in ``ansible_local``: a fact that it could not read is
    a text there. One that is missing says that the host takes guests; facts that nobody has read say nothing."""
    if not isinstance(facts, t.Mapping):
        return None
    return said_by_fact(facts[FACT]) if FACT in facts else False


def cordoned_by_both(noted: t.Optional[bool], by_fact: t.Optional[bool]) -> t.Optional[bool]:
    """Whether it takes no guests. ``noted``: by its libvirt, None where that keeps no notes; ``by_fact``: as of
    :func:`said_by_fact`, False where there is none. None: the fact says that it takes guests, and there are no notes.
    """
    if by_fact is None:
        return True  # it cannot be read
    return by_fact or noted
