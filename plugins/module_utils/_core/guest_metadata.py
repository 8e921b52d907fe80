# SPDX-License-Identifier: GPL-3.0-or-later
"""An element of a guest's metadata, which whoever may edit the guest can write: it may hold anything."""

from __future__ import annotations

import typing as t
from xml.etree import ElementTree

# What a guest says of itself: the element is written by whoever looks after it.
GUEST_NAMESPACE = "https://github.com/virtops/ansible-live-migration/guest/1"


class Attributes(t.NamedTuple):
    """An element's local name and its attributes. libvirt gives it back with the namespace that it was stored under."""

    element: str
    values: t.Mapping[str, str]


def attributes_of(text: t.Any) -> t.Optional[Attributes]:
    """Of the root of an XML text; None for what is no XML."""
    if not isinstance(text, str):
        return None
    try:
        root = ElementTree.fromstring(text)
    # Beside errors of its syntax: lone surrogates, a null character.
    except (ElementTree.ParseError, ValueError, RecursionError):
        return None
    return Attributes(root.tag.rpartition("}")[2], dict(root.attrib))
