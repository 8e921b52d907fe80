# SPDX-License-Identifier: GPL-3.0-or-later
"""What libvirt's errors mean: the tables of all subjects, in the order in which they are looked at.

Among the rows of a code the first one whose text is found counts, so the more specific stand first: what a certificate
is about before what a connection is about. docs/docsite/rst/libvirt_errors.rst is written from this.
"""

from __future__ import annotations

import typing as t

from . import (
    compatibility,
    connection,
    guest,
    host_resources,
    host_setup,
    login,
    options_and_codes,
    postcopy,
    qemu,
    storage,
)
from .meaning_row import UNSURE, Meaning, Message

SUBJECTS: t.Sequence[tuple[str, t.Sequence[Meaning]]] = (
    ("The guest and its job", guest.ROWS),
    ("Post-copy", postcopy.ROWS),
    ("TLS, SSH, names and logins", login.ROWS),
    ("Connections and ports", connection.ROWS),
    ("Storage", storage.ROWS),
    ("What QEMU says of a migration", qemu.ROWS),
    ("Whether things fit together", compatibility.ROWS),
    ("Memory, networks and devices", host_resources.ROWS),
    ("How the host is set up", host_setup.ROWS),
    ("Options, and the rest", options_and_codes.ROWS),
)
MEANINGS: t.Sequence[Meaning] = tuple(row for _subject, rows in SUBJECTS for row in rows)

FALLBACK = Meaning(
    codes=(),
    reason="LIBVIRT_ERROR",
    means="An error that this table does not know.",
    state=UNSURE,
    remedy="Look at the daemon's log, and at 'virsh domstate --reason' on both hosts.",
    source="util/virerror.c",
    seen="7.0 9.0 11.3",
)


def meaning_of(code: int, message: str) -> Meaning:
    """The first row whose code and text fit; else the row of the code alone; else the fallback."""
    rows = [row for row in MEANINGS if code in row.codes]
    text = Message.of(message)
    for row in rows:
        if not row.for_any_text and row.matches(text):
            return row
    return next((row for row in rows if row.for_any_text), FALLBACK)
