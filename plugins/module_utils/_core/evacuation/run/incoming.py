# SPDX-License-Identifier: GPL-3.0-or-later
"""Which migrations to a host that is being emptied could not be cancelled, and why."""

from __future__ import annotations

import typing as t

_Result = t.Mapping[str, t.Any]
_BEGUN = "It arrives, and is moved on then, or fails by itself."


def not_cancelled(
    arriving: t.Sequence[_Result], senders: t.Sequence[_Result], aborted: t.Sequence[_Result]
) -> list[dict[str, str]]:
    """Each with ``name``, ``uuid``, the ``host`` that it comes from (empty: not known), ``reason`` and ``msg``.

    ``arriving``: jobs of the host; ``senders``: results of migration_job_info on the other hosts, with their name as
    ``item``; ``aborted``: results of migration_abort, with what was aborted as ``item``. A migration that sends already
    is none of them: it is not to be cancelled.
    """
    failed = {str(_part(one, "item").get("uuid")): one for one in aborted if one.get("reason") or not one.get("phase")}
    found = []
    for job in arriving:
        if job.get("operation") != "incoming":
            continue
        name, uuid = str(job.get("name", "")), str(job.get("uuid", ""))
        told = [one for one in senders if _outgoing(one, uuid)]
        if uuid in failed:
            host = str(_part(failed[uuid], "item").get("host", ""))
            reason, msg = str(failed[uuid].get("reason") or "NOT_ABORTED"), str(failed[uuid].get("msg", ""))
            found.append(_entry(name, uuid, host, reason, msg))
        elif not told:
            found.append(_of_one_not_told(name, uuid, senders))
    return found


def _of_one_not_told(name: str, uuid: str, senders: t.Sequence[_Result]) -> dict[str, str]:
    """libvirt 9.0 answers no question about a job while QEMU's connection to the destination waits for packets."""
    for one in senders:
        if any(_said(guest, "uuid") == uuid and _said(guest, "state") != "shut off" for guest in _list(one, "guests")):
            host = str(one.get("item", ""))
            msg = (
                f"{name} comes from {host}, where nothing tells how far its migration is: QEMU or libvirt does not"
                f" answer for it. 'virsh domjobabort {uuid}' there cancels it once it answers. {_BEGUN}"
            )
            return _entry(name, uuid, host, "JOB_NOT_TOLD", msg)
    silent = [f"{one.get('item')} ({one.get('msg') or 'it does not answer'})" for one in senders if "jobs" not in one]
    msg = f"{name} comes from a host that is not known: none of those that were asked tells of it. {_BEGUN}"
    if silent:
        msg += f" Could not be asked: {'; '.join(silent)}."
    return _entry(name, uuid, "", "SOURCE_NOT_KNOWN", msg)


def _outgoing(result: _Result, uuid: str) -> bool:
    return any(_said(job, "uuid") == uuid and _said(job, "operation") == "outgoing" for job in _list(result, "jobs"))


def _list(result: _Result, name: str) -> t.Sequence[t.Any]:
    found = result.get(name)
    return found if isinstance(found, list) else []


def _part(result: _Result, name: str) -> _Result:
    found = result.get(name)
    return found if isinstance(found, t.Mapping) else {}


def _said(value: t.Any, name: str) -> t.Any:
    return value.get(name) if isinstance(value, t.Mapping) else None


def _entry(name: str, uuid: str, host: str, reason: str, msg: str) -> dict[str, str]:
    return {"name": name, "uuid": uuid, "host": host, "reason": reason, "msg": msg}
