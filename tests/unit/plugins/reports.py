# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents of reports in any size, for tests and for looking at them in a browser. Seeded, so always the same."""

from __future__ import annotations

import json
import random
import typing as t
from pathlib import Path

Document = dict[str, t.Any]
RECORDS = Path(__file__).with_name("captured") / "records"
BEGAN_EPOCH_S = 1_796_006_400.0
MIB = 1 << 20
HOSTILE = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ lookup('pipe', 'id') }}{% for x in y %}{# c #}",
    "a\u202eb\u2066c\u200f",
    "bell\x07 esc\x1b[31m nul\x00 line\nbreak\u2028\x85",
    "<!--",
    "]]>",
    "&lt;b&gt;",
    "\ud800",
    "x" * 3000,
    "",
)


def record(name: str = "lab-moved-by-postcopy.json") -> Document:
    """One of a real migration on the lab."""
    return t.cast(Document, json.loads((RECORDS / name).read_text(encoding="utf-8")))


def evacuation(count: int, names: t.Sequence[str] = ()) -> Document:
    """As the module returns it: guests two at a time over two links; one in forty fails."""
    chance = random.Random(count)
    guests, at_s = [], 0.0
    for number in range(count):
        name = names[number % len(names)] if names else f"guest-{number:04}"
        sent_s, to = chance.uniform(4, 20), ("kvm02", "kvm03")[number % 2]
        failed = number % 40 == 39
        stages = [[0.0, "waiting", to], [at_s, "preparing", to], [at_s + 2, "ready", to], [at_s + 3, "sending", to]]
        end_s = at_s + 3 + sent_s
        stages += [[end_s, "failed", to]] if failed else [[end_s, "sent", to], [end_s + 0.5, "done", to]]
        guests.append(
            {
                "name": name,
                "uuid": f"uuid-{number}",
                "strategy": "migrate",
                "source": "kvm01",
                "destination": to,
                "outcome": "failed" if failed else "moved",
                "runs_on": "kvm01" if failed else to,
                "elapsed_s": round(3.5 + sent_s, 1),
                "transfer_ms": int(sent_s * 1000),
                "downtime_ms": int(chance.uniform(40, 500)),
                "sent_bytes": int(sent_s * 45 * MIB),
                "remedies": ["start_postcopy"] if number % 5 == 0 else [],
                "attempts": 1,
                "reason": "NO_WAY" if failed else "",
                "msg": f"{name!r} writes faster than the link carries." if failed else "",
                "state": "It runs on the source as before." if failed else "",
                "remedy": "Allow post-copy." if failed else "",
                "stages": stages,
                "decisions": [],
                "expected": {
                    "way": "precopy",
                    "total_s": sent_s * 0.9,
                    "sent_bytes": 1,
                    "downtime_ms": 80,
                    "passes": 3,
                },
            }
        )
        at_s += sent_s / 2
    end_s = at_s + 30
    steps = [end_s * number / 300 for number in range(301)]
    return {
        "version": 1,
        "kind": "evacuation",
        "host": "kvm01",
        "purpose": "evacuate",
        "began_epoch_s": BEGAN_EPOCH_S,
        "elapsed_s": round(end_s, 1),
        "stopped": "",
        "empty": count < 40,
        "guests": guests,
        "destinations": [{"name": "kvm02", "link_mib_per_s": 112.0}, {"name": "kvm03", "link_mib_per_s": 112.0}],
        "links": ["kvm02", "kvm03"],
        "loads": [[at, [int(chance.uniform(30, 110) * MIB), int(chance.uniform(30, 110) * MIB)]] for at in steps],
        "told": [[at, (end_s - at) * chance.uniform(0.85, 1.25), 0, 0, 0] for at in steps[::10]],
    }


def readiness(count: int, hosts: int = 4, names: t.Sequence[str] = ()) -> list[Document]:
    """The result of each host: most guests can go anywhere, some to some hosts, a few nowhere."""
    chance = random.Random(count)
    all_hosts = [f"kvm{number + 1:02}" for number in range(hosts)]
    found: list[Document] = [
        {"host": host, "candidates": [one for one in all_hosts if one != host], "guests": []} for host in all_hosts
    ]
    for number in range(count):
        on = found[number % hosts]
        targets = list(on["candidates"])
        kind = chance.choices(["all", "some", "none"], [6, 3, 1])[0]
        good = targets if kind == "all" else chance.sample(targets, len(targets) // 2) if kind == "some" else []
        bad = [one for one in targets if one not in good]
        check = chance.choice(["shared_storage", "cpu_model", "guest_networks"])
        row: Document = {
            "name": names[number % len(names)] if names else f"guest-{number:04}",
            "uuid": f"uuid-{number}",
            "host": on["host"],
            "can_go_to": good,
            "cannot_go_to": dict.fromkeys(bad, f"1 check failed: {check}"),
            "warnings": ["clock"] if number % 7 == 0 else [],
            "nearest": None,
        }
        if not good:
            summary, remedy = "The network br-blue is not there.", "Make it on the destination."
            row["nearest"] = {
                "destination": targets[0],
                "checks": [{"id": check, "summary": summary, "remedy": remedy}],
            }
        on["guests"].append(row)
    return found


def hostile() -> Document:
    """All three kinds, with names that want to be more than names, at every place where a name may be."""
    wicked = record("lab-downtime-by-rescue.json")
    text = HOSTILE[0] + HOSTILE[3]
    wicked.update(name=text, source=HOSTILE[1], destination=HOSTILE[4], outcome=HOSTILE[2])
    for number, one in enumerate(wicked["decisions"]):
        one.update(because=HOSTILE[number % len(HOSTILE)], reason=HOSTILE[1])
    run = evacuation(len(HOSTILE), HOSTILE)
    run.update(host=text, stopped=HOSTILE[1], links=[HOSTILE[0], HOSTILE[3]])
    run["guests"][0].update(outcome="failed", reason=HOSTILE[0], msg=HOSTILE[1], state=HOSTILE[2], remedy=HOSTILE[3])
    hosts = readiness(40, 4, HOSTILE)
    hosts[0]["guests"][0].update(
        can_go_to=[],
        cannot_go_to={HOSTILE[0]: HOSTILE[1]},
        nearest={
            "destination": HOSTILE[3],
            "checks": [{"id": HOSTILE[0], "summary": HOSTILE[1], "remedy": HOSTILE[2]}],
        },
    )
    return {"title": text, "migrations": [wicked], "evacuations": [run], "readiness": hosts}
