# SPDX-License-Identifier: GPL-3.0-or-later

"""Pages as a whole: they need nothing else, carry their documents along, and names of guests stay names."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import random
import re
import typing as t
from html.parser import HTMLParser

from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.documents import report_of
from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.page import MOST_TIMELINES, page
from ansible_collections.virtops.live_migration.tests.unit.plugins.pages import made
from ansible_collections.virtops.live_migration.tests.unit.plugins.reports import (
    evacuation,
    hostile,
    readiness,
    record,
)

VOID = {"meta", "input", "br"}
SELF_CLOSED = {"rect", "circle", "line", "polyline", "polygon"}
# All that a page of ours is made of.
KNOWN = {
    "html",
    "head",
    "title",
    "style",
    "body",
    "header",
    "main",
    "footer",
    "section",
    "div",
    "p",
    "span",
    "strong",
    "b",
    "small",
    "code",
    "bdi",
    "a",
    "ul",
    "li",
    "h1",
    "h2",
    "h3",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "svg",
    "g",
    "text",
    "label",
    "output",
    "script",
    *VOID,
    *SELF_CLOSED,
}


class Elements(HTMLParser):
    """The elements of a page; each is closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: t.Any) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: t.Any) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


def test_hostile_names_stay_names() -> None:
    text = page(report_of(hostile()))
    elements = Elements(text).found
    assert {kind for kind, _attributes in elements} <= KNOWN
    scripts = [attributes for kind, attributes in elements if kind == "script"]
    assert scripts == [{"type": "application/json", "id": "record"}, {}]
    for kind, attributes in elements:
        assert not [key for key in attributes if key.startswith("on") or key in ("src", "style", "srcdoc")], kind
        assert attributes.get("href", "#") in ("#content",) or str(attributes.get("href", "#")).startswith("#")
    assert not re.search(r"\{[{%#]", text)
    assert all(char.isprintable() or char == "\n" for char in text)


def test_any_name_at_all() -> None:
    """Of whatever code points, at once in all places."""
    chance = random.Random(7)
    for _round in range(10):
        names = [
            "".join(chr(chance.choice([chance.randrange(128), chance.randrange(0x110000)])) for _n in range(30))
            for _m in range(6)
        ]
        document = {**record(), "name": names[0], "source": names[1]}
        text = page(
            report_of(
                {"migrations": [document], "evacuations": [evacuation(6, names)], "readiness": readiness(8, 3, names)}
            )
        )
        assert {kind for kind, _attributes in Elements(text).found} <= KNOWN
        assert not re.search(r"\{[{%#]", text)


def test_it_needs_nothing_else_and_allows_nothing_else() -> None:
    text = page(report_of(hostile()))
    assert not re.search(r"(?:src|url|@import)\s*[=(]", text.partition("</style>")[0])
    policy = next(
        attributes["content"]
        for kind, attributes in Elements(text).found
        if "content" in attributes and "default-src" in str(attributes["content"])
    )
    for kind in ("style", "script"):
        content = re.findall(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
        assert len(content) == 1
        digest = base64.b64encode(hashlib.sha256(content[0].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in str(policy)


def test_the_documents_go_along() -> None:
    documents = {"migrations": [record()], "evacuations": [evacuation(3)], "readiness": readiness(5)}
    text = page(report_of(documents))
    found = re.search(r'id="record">(.*?)</script>', text, re.DOTALL)
    assert found
    assert json.loads(found[1]) == {"title": "", **documents}


def test_the_same_documents_make_the_same_page() -> None:
    documents = hostile()
    assert page(report_of(documents)) == page(report_of(copy.deepcopy(documents)))


def test_many_migrations_are_a_table_and_the_worst_are_drawn() -> None:
    documents = [
        {**record(), "name": f"g{number}", "outcome": "failed" if number == 70 else "completed"} for number in range(80)
    ]
    text = made(migrations=documents)
    assert text.count("Timeline of the migration of") == 2 * MOST_TIMELINES  # of the drawing, and of its frame
    assert text.index(">g70<") < text.index(">g0<")
    assert '"migrations_left_out":30' in text
