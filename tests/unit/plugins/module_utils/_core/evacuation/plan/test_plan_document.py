# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.units import GIB, human_ms
from ansible_collections.virtops.live_migration.tests.unit.plugins.fleets import (
    LINK,
    document,
    patch_night,
)

DOCUMENT = {
    "summary",
    "empties",
    "eta_s",
    "least_s",
    "measured",
    "sent_bytes",
    "guests",
    "shutdown",
    "left",
    "unplaceable",
    "sources",
    "hosts",
    "links",
}


def test_the_document_says_all_of_it() -> None:
    found = document(patch_night())
    assert set(found) == DOCUMENT
    assert found["summary"] == (
        f"2 of 6 running guests move off 1 host in about {human_ms(found['eta_s'] * 1000)}, 1 to be shut down,"
        " 3 without a place to go. Not empty afterwards: a."
    )
    assert [(one["name"], one["from"], one["to"], one["order"]) for one in found["guests"]] == [
        ("erp01", "a", "b", 1),
        ("web02", "a", "b", 2),
    ]
    assert found["guests"][0]["reason"] == "busy: gets at least 80.0 MiB/s"
    assert found["guests"][1]["end_s"] == found["eta_s"]
    assert [one["name"] for one in found["shutdown"]] == ["test01"]
    assert found["left"] == [{"name": "old", "uuid": "old", "host": "a", "reason": "it does not run"}]
    gpu, evil, web = sorted(found["unplaceable"], key=lambda one: (one["name"] != "gpu01", one["name"]))
    assert [reason["reason"] for reason in gpu["reasons"]] == ["HOST_DEVICE", "CORDONED"]
    assert [change["change"] for change in gpu["changes"]] == ["detach it, or have the guest shut down"]
    assert evil["reasons"][0]["hosts"] == ["b", "c"]
    assert [change["change"] for change in web["changes"]] == ["uncordon c"]
    assert found["sources"] == [
        {
            "name": "a",
            "migrate": 2,
            "shutdown": 1,
            "left": 0,
            "unplaceable": 3,
            "empties": False,
            "eta_s": found["eta_s"],
        }
    ]


def test_the_load_on_hosts_and_links() -> None:
    found = document(patch_night())
    a, b = found["hosts"]
    assert (a["outgoing"], a["peak_outgoing"], a["peak_out_bytes_per_s"], a["incoming"]) == (2, 2, LINK, 0)
    assert (b["incoming"], b["guests"], b["memory_taken_bytes"], b["memory_left_bytes"]) == (2, 2, 8 * GIB, 12 * GIB)
    assert [(link["name"], link["direction"]) for link in found["links"]] == [("a", "out"), ("b", "in")]
    assert all(abs(link["sent_bytes"] - found["sent_bytes"]) <= len(found["guests"]) for link in found["links"])
