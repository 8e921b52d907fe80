# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of the migrations that a play took over on several hosts, as one document for all of them."""

from __future__ import annotations

import typing as t

from ..errors import MigrationError
from ..text import printable

Document = dict[str, t.Any]
ByHost = t.Mapping[str, t.Mapping[str, t.Any]]
_FAILED = "failed"


def rescue_report(results: ByHost, ends: ByHost, destinations: t.Mapping[str, str], asked: str = "") -> Document:
    """``results``: by host what ``migration_rescue`` returned in a loop over job documents; ``ends``: by host what
    ``migration_job_info`` saw in the end; ``destinations``: by UUID the host that a guest goes to, where it is known;
    ``asked``: the name of the one guest that was asked for.

    Its fields are those of that guest, or of all of them together, and ``guests`` has one document for each, in the
    order in which they were taken over. Raises NOT_A_RESCUE.
    """
    try:
        guests = [
            _guest(host, result, destinations, ends)
            for host, registered in results.items()
            for result in registered.get("results") or ()
            if not result.get("skipped")
        ]
        if asked and not guests:
            guests = [_of_nobody(asked, ends)]
    except (AttributeError, KeyError, TypeError) as exc:
        raise MigrationError(
            "NOT_A_RESCUE",
            f"These are no results of migration_rescue: {type(exc).__name__}: {exc}.",
            remedy="Give by host what was registered of its loop, and of migration_job_info after it.",
        ) from exc
    return {**(dict(guests[0]) if asked else _together(guests)), "guests": guests}


def _guest(host: str, result: t.Mapping[str, t.Any], destinations: t.Mapping[str, str], ends: ByHost) -> Document:
    name, uuid = str(result["item"]["name"]), str(result["item"]["uuid"])
    outcome = result.get("outcome") or _FAILED
    found = {
        "guest": name,
        "uuid": uuid,
        "source": host,
        "destination": destinations.get(uuid, ""),
        "runs_on": _runs_on(ends, uuid=uuid),
        "outcome": outcome,
        "reason": str(result.get("reason") or "") if outcome == _FAILED else "",
        "remedies": list(dict.fromkeys(one["action"] for one in result.get("actions") or ())),
        "downtime_ms": result.get("downtime_ms"),
        "elapsed_ms": result.get("elapsed_ms"),
        "decisions": (result.get("record") or {}).get("decisions") or [],
    }
    return {**found, "msg": printable(result.get("msg") or "It failed.") if outcome == _FAILED else _message(found)}


def _of_nobody(name: str, ends: ByHost) -> Document:
    """Of a guest that was not being migrated."""
    found: Document = {**_together([]), "guest": name, "runs_on": _runs_on(ends, name=name)}
    return {**found, "msg": _message(found)}


def _together(guests: t.Sequence[Document]) -> Document:
    outcomes = [guest["outcome"] for guest in guests]
    worst = next((one for one in (_FAILED, "observed", "completed") if one in outcomes), "none")
    return {
        "guest": "",
        "uuid": "",
        "source": "",
        "destination": "",
        "runs_on": [],
        "outcome": worst,
        "reason": next((guest["reason"] for guest in guests if guest["reason"]), ""),
        "remedies": list(dict.fromkeys(one for guest in guests for one in guest["remedies"])),
        "downtime_ms": None,
        "elapsed_ms": None,
        "decisions": [],
        "msg": " ".join(str(guest["msg"]) for guest in guests) or "No migration runs.",
    }


def _runs_on(ends: ByHost, *, uuid: str = "", name: str = "") -> list[str]:
    """The hosts on which it runs whole: with a job it is still on its way, or split."""

    def is_meant(one: t.Mapping[str, t.Any]) -> bool:
        return bool(one.get("uuid") == uuid if uuid else one.get("name") == name)

    return [
        host
        for host, look in ends.items()
        if any(is_meant(guest) and guest.get("state") == "running" for guest in look.get("guests") or ())
        and not any(is_meant(job) for job in look.get("jobs") or ())
    ]


def _message(found: t.Mapping[str, t.Any]) -> str:
    where = ", ".join(found["runs_on"]) or "a host outside of this play"
    line = f"{found['guest']} {'' if found['source'] else 'was not being migrated; it '}runs on {where}"
    if found["outcome"] == "observed":
        line = f"{found['guest']} was only watched"
    if found["downtime_ms"] is not None:
        line += f". It stood still for {found['downtime_ms']} ms"
    if found["remedies"]:
        line += ". Remedies used: " + ", ".join(found["remedies"])
    return printable(line + ".")
