# SPDX-License-Identifier: GPL-3.0-or-later
"""What libvirt's errors mean: the tables of all subjects, in the order in which they are looked at.

Among the rows of a code the first one whose text is found counts, so the more specific stand first: what a certificate
is about before what a connection is about. docs/docsite/rst/libvirt_errors.rst is written from this.
"""

from __future__ import annotations

import typing as t

from . import (
    compatibility as meanings_compatibility,
)
from . import (
    connection as meanings_connection,
)
from . import (
    guest as meanings_guest,
)
from . import (
    host_resources as meanings_host_resources,
)
from . import (
    host_setup as meanings_host_setup,
)
from . import (
    login as meanings_login,
)
from . import (
    options_and_codes as meanings_options_and_codes,
)
from . import (
    postcopy as meanings_postcopy,
)
from . import (
    qemu as meanings_qemu,
)
from . import (
    storage as meanings_storage,
)
from .meaning import UNSURE, Meaning, Message

SUBJECTS: t.Sequence[tuple[str, t.Sequence[Meaning]]] = (
    ("The guest and its job", meanings_guest.ROWS),
    ("Post-copy", meanings_postcopy.ROWS),
    ("TLS, SSH, names and logins", meanings_login.ROWS),
    ("Connections and ports", meanings_connection.ROWS),
    ("Storage", meanings_storage.ROWS),
    ("What QEMU says of a migration", meanings_qemu.ROWS),
    ("Whether things fit together", meanings_compatibility.ROWS),
    ("Memory, networks and devices", meanings_host_resources.ROWS),
    ("How the host is set up", meanings_host_setup.ROWS),
    ("Options, and the rest", meanings_options_and_codes.ROWS),
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
