# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports as text: what is in them, that they need nothing else, and that names of guests stay names."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import random
import re
import typing as t
from html.parser import HTMLParser

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.documents import report_of
from ansible_collections.virtops.live_migration.plugins.module_utils._core.report.page import MOST_TIMELINES, page
from ansible_collections.virtops.live_migration.tests.unit.plugins.reports import (
    RECORDS,
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

    def handle_starttag(self, kind: str, attributes: t.Any) -> None:
        self.found.append((kind, dict(attributes)))
        if kind not in VOID:
            self._open.append(kind)

    def handle_startendtag(self, kind: str, attributes: t.Any) -> None:
        self.found.append((kind, dict(attributes)))

    def handle_endtag(self, kind: str) -> None:
        assert self._open.pop() == kind


def made(**documents: t.Any) -> str:
    return page(report_of(documents))


def within(text: str, class_: str) -> int:
    return len(re.findall(rf'class="[^"]*\b{class_}\b', text))


@pytest.mark.parametrize("name", sorted(path.name for path in RECORDS.glob("*.json")))
def test_each_real_record_is_drawn(name: str) -> None:
    document = record(name)
    text = made(migrations=[document])
    body = text.partition("</style>")[2]
    assert within(body, "badge") == len(document["decisions"])
    assert body.count(" begins after ") == len(document["boundaries"])
    for one in document["decisions"]:
        assert f"<code>{one['reason']}</code>" in body
    phases = {look[1] for look in document["looks"]}
    assert ("band-postcopy" in body) is ("postcopy" in phases)
    assert ("It was not throttled." in body) is all(look[15] == 0 for look in document["looks"])
    assert ("band-standstill" in body) is bool(document["downtime_ms"])


def test_what_a_timeline_says() -> None:
    text = made(migrations=[record("lab-moved-by-postcopy.json")])
    for part in (
        "pass 2 begins after 7.0 s with 111.1 MiB left",
        "post-copy: the guest runs on the destination and fetches the rest (2.4 s)",
        "the guest stands still for the switch-over (52 ms)",
        "The policy allows 500 ms",
        "<b>start postcopy</b>",
        "3.0 s needed after 9.4 s",
    ):
        assert part in text, part


def test_what_was_expected_is_beside_what_happened() -> None:
    document = record()
    course = {"total_s": 10.1, "sent_bytes": 480_633_261, "downtime_ms": 60, "passes": 1}
    document["forecast"] = {**document["forecast"], "expected": course, "worst": {**course, "total_s": 11.0}}
    text = made(migrations=[document])
    cells = "".join(f'<td class="num">{one}</td>' for one in ("10.1 s", "11.0 s", "14.0 s"))
    assert f'<tr><th scope="row">time</th>{cells}</tr>' in text
    assert "expected end, 10.1 s after its set-up" in text
    assert '<th scope="row">of it set-up</th>' in text


def test_silence_is_seen() -> None:
    document = record("lab-left-at-deadline.json")
    sent, at = document["columns"].index("memory_processed_bytes"), document["columns"].index("at_s")
    assert "band-silence" not in made(migrations=[document]).partition("</style>")[2]
    for look in document["looks"][10:20]:
        look[sent] = document["looks"][10][sent]
    silent_s = document["looks"][19][at] - document["looks"][10][at]
    assert f"silence: not a byte was sent ({silent_s:.1f} s)" in made(migrations=[document])
    gap = record("lab-left-at-deadline.json")
    del gap["looks"][10:22]
    assert "nobody could look (" in made(migrations=[gap])


def test_what_did_not_work_is_said() -> None:
    document = record("lab-downtime-by-rescue.json")
    place = document["columns"].index("results")
    look = next(one for one in document["looks"] if one[place])
    look[place] = [["set_downtime", "QEMU <says> no", "FAILED"]]
    assert "It did not work: QEMU &lt;says&gt; no" in made(migrations=[document])


def test_an_evacuation() -> None:
    text = made(evacuations=[evacuation(80)])
    body = text.partition("</style>")[2]
    assert body.count("<tr") > 80
    assert "78 of 80" in body
    assert "What did not move, and why" in body
    assert body.count("<code>NO_WAY</code>") == 2
    assert "kvm01</bdi> → <bdi>kvm02</bdi>: 40 guests" in body
    assert within(body, "s-measured") == 81  # each guest, and the legend
    assert "dotted: what a link carries" in body
    assert "When it would end, as it was told" in body
    plain = made(evacuations=[{"guests": [{"name": "erp01", "outcome": "moved"}]}])
    assert "Load of each link" not in plain


def test_readiness_is_worst_first() -> None:
    hosts = readiness(40)
    report = report_of({"readiness": hosts})
    body = page(report).partition("</style>")[2]
    rows = re.findall(r'<tr><th scope="row"><bdi>(guest-\d+)</bdi>', body)
    guests = {one["name"]: one for host in hosts for one in host["guests"]}
    reach = [len(guests[name]["can_go_to"]) for name in rows]
    assert len(rows) == 40
    assert reach == sorted(reach)
    assert reach[0] == 0
    assert "The smallest changes that help" in body
    assert any("more could with" in line for line in report.lines)


def test_hosts_that_are_too_many_for_columns() -> None:
    body = made(readiness=readiness(50, 50)).partition("</style>")[2]
    assert "49 hosts" not in body
    assert "50 hosts are too many for a column each." in body


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


def test_names_of_files() -> None:
    assert report_of({"migrations": [record()]}).file_name == "migration.html"
    assert report_of({"evacuations": [evacuation(3)]}).file_name == "evacuation-20261130T024000Z.html"
    assert report_of({"readiness": readiness(3)}).file_name == "readiness.html"
    assert report_of({}).file_name == "nothing.html"


def test_the_summary_is_short() -> None:
    lines = report_of({**hostile(), "evacuations": [evacuation(4000)]}).lines
    assert len(lines) == 12
    assert lines[-1].startswith("and ")
    assert all(line.isprintable() for line in report_of(hostile()).lines)


@pytest.mark.parametrize(
    ("documents", "reason"),
    [
        ([], "NOT_A_REPORT"),
        ({"migrations": {}}, "NOT_A_REPORT"),
        ({"migrations": "x"}, "NOT_A_REPORT"),
        ({"title": 3}, "NOT_A_REPORT"),
        ({"migrations": [{"looks": 1}]}, "NOT_A_RECORD"),
        ({"migrations": [3]}, "NOT_A_RECORD"),
        ({"evacuations": [{}]}, "NOT_AN_EVACUATION"),
        ({"evacuations": [{"guests": [{"name": 1, "outcome": ""}]}]}, "NOT_AN_EVACUATION"),
        ({"readiness": [{}]}, "NOT_READINESS"),
    ],
)
def test_what_is_no_report_is_refused(documents: t.Any, reason: str) -> None:
    with pytest.raises(MigrationError) as caught:
        report_of(documents)
    assert caught.value.reason == reason


def test_results_without_a_record_are_passed_over() -> None:
    report = report_of({"migrations": [{"outcome": "already_there"}, {"record": record()}]})
    assert len(report.stories) == 1
    assert "Nothing happened" in made()


def test_points_are_whole_pairs_of_numbers() -> None:
    document = record("lab-left-at-deadline.json")
    document["looks"] = [[row[0] + 13 * number, *row[1:]] for number in range(40) for row in document["looks"]]
    text = made(migrations=[document], evacuations=[evacuation(80)])
    points = re.findall(r'points="([^"]*)"', text)
    assert max(len(one.split()) for one in points) > 500
    assert max(len(one.split()) for one in points) <= 2 * 881, "two a pixel"
    assert all(re.fullmatch(r"-?\d+(\.\d)?,-?\d+(\.\d)?", pair) for one in points for pair in one.split())
