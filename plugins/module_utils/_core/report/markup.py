# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts from outside put into HTML, SVG and JSON so that they stay texts.

Names of guests and hosts are other people's input. What comes out of here never holds a brace followed by another
brace, a percent sign or a hash, so that no template engine finds anything to evaluate in a report either.
"""

from __future__ import annotations

import json
import typing as t

from ..text import printable, shortened

_LONGEST, _LONGEST_NAME = 500, 80
_READ = ("title", "aria-label")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "{": "&#123;"})
_IN_SCRIPT = (
    ("<", "\\u003c"),
    (">", "\\u003e"),
    ("&", "\\u0026"),
    ("{{", "{\\u007b"),
    ("{%", "{\\u0025"),
    ("{#", "{\\u0023"),
)


def escaped(text: t.Any) -> str:
    """For the content of an element and for an attribute in double quotes; one line, controls shown as escapes."""
    return shortened(text, _LONGEST).translate(_ENTITIES)


def name(text: t.Any) -> str:
    """A name within a line: its writing direction changes nothing around it. All of a long one is in its tooltip."""
    whole = printable(text)
    return tag("bdi", escaped(shortened(whole, _LONGEST_NAME)), title=whole if len(whole) > _LONGEST_NAME else None)


def tag(kind: str, *content: str, **attributes: t.Any) -> str:
    """An element. ``content`` is markup; values of attributes are escaped, and those that are read are shortened.
    ``class_`` is class, ``aria_label`` aria-label; None leaves an attribute out, True gives it no value."""
    return f"<{kind}{_attributes(attributes)}>{''.join(content)}</{kind}>"


def void(kind: str, **attributes: t.Any) -> str:
    """An element without content, as HTML and SVG both take it."""
    return f"<{kind}{_attributes(attributes)}/>"


def _attributes(attributes: t.Mapping[str, t.Any]) -> str:
    found = []
    for key, value in attributes.items():
        shown = key.rstrip("_").replace("_", "-")
        if value is True:
            found.append(f" {shown}")
        elif value is not None and value is not False:
            told = escaped(value) if shown in _READ else printable(value).translate(_ENTITIES)
            found.append(f' {shown}="{told}"')
    return "".join(found)


def script_json(value: t.Any) -> str:
    """JSON that may stand in ``<script type="application/json">``; what JSON has no number for becomes null."""
    # By way of a text, as NaN and infinity would be written in a way that is no JSON.
    finite = json.loads(json.dumps(value, default=str), parse_constant=lambda _constant: None)
    text = json.dumps(finite, separators=(",", ":"), allow_nan=True)
    for found, instead in _IN_SCRIPT:
        text = text.replace(found, instead)
    return text
