# SPDX-License-Identifier: GPL-3.0-or-later
"""One row of the tables that say what libvirt's errors mean to the person at the console."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Where an error leaves things. Each sentence must hold for every error of its row.
REFUSED = "The request was refused and changed nothing."
ON_SOURCE = "The guest goes on where it was."
RUN_AS_ROOT = "Run as root or as a member of group libvirt (become: true), or allow it in polkit."
LOOK_AT_LOGS = "Look at /var/log/libvirt/qemu/ on both hosts."
CORRECT_OPTION = "Correct the option that the message names."
IN_PRECOPY = (
    "In pre-copy the guest goes on where it was; in post-copy each host holds a part of it, so destroy neither."
)
UNSURE = "Whether the request took effect is not known: look at the guest before the next step."
LOOK_AT_BOTH = "Where the guest runs now is not known: check both hosts."

# What stands in quotation marks (of libvirt in English and in translations) or in JSON is a name, a path or a value,
# chosen by somebody: a guest called 'certificate' is no trouble with certificates. An apostrophe within a word is none.
_QUOTED = re.compile(
    r"(?<!\w)'[^'\n]*'(?!\w)"
    r"|\u00bb[^\u00ab\u00bb\n]*\u00ab|\u00ab[^\u00ab\u00bb\n]*\u00bb"
    r"|\u201e[^\u201c\u201e\n]*\u201c|\u201c[^\u201c\u201d\n]*\u201d"
    r"|\"(?=[^\s\"]*/)[^\s\"]*\""
)
_JSON = re.compile(r"\{[^{}\n]*\}")
_JSON_DEPTH = 4  # braces within braces; a choice
_LONGEST = 4000  # characters at each end of a message; QEMU's output may have any length, and its last lines say why


@dataclass(frozen=True)
class Message:
    """The text of an error: ``whole``, shortened in the middle, and ``bare``, with '' for what is quoted in it."""

    whole: str
    bare: str

    @classmethod
    def of(cls, text: str) -> Message:
        whole = text if len(text) <= 2 * _LONGEST else f"{text[:_LONGEST]}\n{text[-_LONGEST:]}"
        bare = whole
        for _level in range(_JSON_DEPTH):
            bare = _JSON.sub("", bare)
        return cls(whole, _QUOTED.sub("''", bare))


@dataclass(frozen=True)
class Meaning:
    """What errors of some codes and texts mean.

    ``codes``: VIR_ERR_*, compared first, since texts are translated by the daemon and by the client. ``text``: regular
    expression for the message without what is quoted in it; ``quoted``: one for the whole message. Both must be found,
    in any case of letters; without either the row takes what is left of its codes, and with it every translation.
    ``reason``: stable code, users match on it; ``means``: what happened; ``state``: where that leaves the guest;
    ``remedy``: what to do. ``source``: files of libvirt below src/, or of QEMU, that have such texts; ``domain``:
    VIR_FROM_* of these files, for the reader only, because daemons pass on each other's errors; ``seen``: the releases
    in whose source the texts were found, which says nothing of those in between.
    """

    codes: tuple[int, ...]
    reason: str
    means: str
    state: str
    remedy: str
    source: str
    seen: str
    domain: str = ""
    text: str = ""
    quoted: str = ""

    @property
    def for_any_text(self) -> bool:
        return not self.text and not self.quoted

    def matches(self, message: Message) -> bool:
        return _found(self.text, message.bare) and _found(self.quoted, message.whole)


def _found(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE | re.DOTALL) is not None
