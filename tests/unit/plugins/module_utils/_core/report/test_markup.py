# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts from outside stay texts: in elements, in attributes, in JSON within a page, and for Ansible."""

from __future__ import annotations

import json
import re
import typing as t
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.markup import (
    escaped,
    name,
    script_json,
    tag,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.reports import HOSTILE

FUZZ = settings(max_examples=200, deadline=None)
# Any text, and often such with what HTML, JSON, JavaScript and Jinja take for more than text.
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=())),
    st.text(st.sampled_from("<>&\"'{}%#/\\!-scriptSCRIPT \n\x00\u202e\u2028\ud800")),
    st.sampled_from(HOSTILE),
)


class Seen(HTMLParser):
    """What a parser of HTML takes a text for."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: t.Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def no_template(text: str) -> bool:
    return not re.search(r"\{[{%#]", text)


@FUZZ
@given(TEXTS)
def test_a_text_is_a_text_in_an_element_and_in_an_attribute(text: str) -> None:
    markup = tag("td", escaped(text), title=text)
    seen = Seen(markup)
    ((kind, attributes),) = seen.tags
    assert kind == "td"
    assert list(attributes) == ["title"]
    assert seen.text == attributes["title"]
    assert seen.text.isprintable() or seen.text == ""
    assert no_template(markup)
    assert [one for one, _attributes in Seen(name(text)).tags] == ["bdi"]


@FUZZ
@given(
    st.recursive(
        TEXTS | st.integers() | st.floats() | st.none(), lambda one: st.lists(one) | st.dictionaries(TEXTS, one)
    )
)
def test_json_in_a_script_comes_back_and_ends_nothing(value: t.Any) -> None:
    text = script_json(value)
    assert not re.search("[<>&]", text)
    assert no_template(text)
    assert text.isascii()
    plain = json.loads(json.dumps(value), parse_constant=lambda _constant: None)
    assert json.loads(text, parse_constant=pytest.fail) == plain


def test_what_is_shown_of_some() -> None:
    assert escaped("a\u202eb") == "a\\u202eb"
    assert escaped("<b>&\"'") == "&lt;b&gt;&amp;&quot;&#39;"
    assert escaped("{{ x }}") == "&#123;&#123; x }}"
    assert escaped("größe 数据") == "größe 数据"
    assert len(escaped("x" * 3000)) == 500
    assert script_json([float("nan"), float("inf")]) == "[null,null]"
