# SPDX-License-Identifier: GPL-3.0-or-later
"""One run: a strategy empties the host, and what came of it is seen; and the calibration."""

from __future__ import annotations

import datetime
import threading
import time

from bench.runs import Ansible, task
from virtlab.errors import LabError
from virtlab.migrate import Migration

from .compared import GUESTS, MAX_DOWNTIME_MS, OURS, PEERS, SOURCE, VIRSH, Key, Peer, destination_of, order_of
from .kept import Calibration, Run
from .yard import Yard

_MIB = 1 << 20
CUT_AFTER = 6.0  # times the physical limit
_LOOK_EVERY_S = 0.05
_ENDS_WITHIN_S = 120.0
_CANCEL_FILE = "/run/emptying.cancel"


def calibrate(yard: Yard) -> Calibration:
    """The rate is that between a fifth and four fifths of the bytes, so that starts and ends do not count."""
    yard.home()
    yard.ready()
    yard.calm()
    destinations = destination_of(0)
    with yard.heard() as events:
        looks = [(time.monotonic(), yard.wire_bytes())]
        running = [yard.migrate(name, destinations[name], flags=VIRSH[:1]) for name in GUESTS]
        while any(one.exit_code() is None for one in running):
            time.sleep(0.2)
            looks.append((time.monotonic(), yard.wire_bytes()))
        for one in running:
            if one.exit_code() != 0:
                raise LabError(f"the calibration failed: {one.output()}")
        guests_bytes = sum(one.sent_bytes for one in yard.passengers(destinations, {}, events))
    first, last = looks[0][1], looks[-1][1]
    middle = [(at_s, sent - first) for at_s, sent in looks if 0.2 < (sent - first) / (last - first) < 0.8]
    rate = (middle[-1][1] - middle[0][1]) / (middle[-1][0] - middle[0][0])
    return Calibration(_now(), guests_bytes, last - first, round(rate, 1))


def run(key: Key, yard: Yard, ansible: Ansible, known: Calibration) -> Run:
    yard.home()
    yard.ready()
    destinations, cut_s = destination_of(key.repeat), CUT_AFTER * known.least_s
    module_s = 0.0
    with yard.heard() as events:
        began_s = time.monotonic()
        if key.strategy == OURS:
            module_s, messages = _ours(yard, ansible, key, known, cut_s)
        else:
            messages = _by_virsh(next(peer for peer in PEERS if peer.name == key.strategy), yard, key, cut_s)
        empty = yard.empty()
        empty_s = time.monotonic() - began_s if empty else None
        yard.calm()
        passengers = yard.passengers(destinations, messages, events)
    message = "" if empty_s is not None else f"not empty: {', '.join(one.name for one in passengers if not one.moved)}"
    rounded = None if empty_s is None else round(empty_s, 2)
    return Run(key.strategy, key.repeat, _now(), rounded, passengers, round(module_s, 2), message)


def _by_virsh(peer: Peer, yard: Yard, key: Key, cut_s: float) -> dict[str, str]:
    """What virsh said of those that failed; they are not tried again, as a loop would not."""
    waiting, destinations = order_of(key.repeat), destination_of(key.repeat)
    running: dict[str, Migration] = {}
    failed: dict[str, str] = {}
    deadline_s, cut = time.monotonic() + cut_s, False
    while waiting or running:
        for name, one in list(running.items()):
            code = one.exit_code()
            if code is not None:
                del running[name]
                if code != 0:
                    failed[name] = one.output().strip()[-300:]
        if not cut and time.monotonic() > deadline_s:
            cut = True
            failed.update(dict.fromkeys([*waiting, *running], "cut"))
            waiting = []
            for name in running:
                yard.abort(name)
        if peer.refills or not running:
            while waiting and len(running) < peer.at_a_time:
                name = waiting.pop(0)
                running[name] = yard.migrate(name, destinations[name], flags=VIRSH)
        time.sleep(_LOOK_EVERY_S)
    return failed


def _ours(yard: Yard, ansible: Ansible, key: Key, known: Calibration, cut_s: float) -> tuple[float, dict[str, str]]:
    destinations = destination_of(key.repeat)
    link_mib_per_s = round(known.wire_bytes_per_s * known.sent_bytes / known.wire_bytes / _MIB, 1)
    wanted = task(
        "evacuation",
        guests=[{"uuid": yard.uuids[name], "destination": destinations[name]} for name in order_of(key.repeat)],
        destinations=[
            {"name": host, "destination_uri": f"qemu+tcp://{host}/system", "link_mib_per_s": link_mib_per_s}
            for host in sorted(set(destinations.values()))
        ],
        policy_overrides={"postcopy": "prefer", "max_downtime_ms": MAX_DOWNTIME_MS},
        on_cancel="abort",
        cancel_file=_CANCEL_FILE,
    )
    cut = threading.Timer(cut_s, yard.lab.execute, (SOURCE, "touch", _CANCEL_FILE))
    cut.start()
    try:
        (result,) = ansible.begin(SOURCE, wanted).wait(cut_s + _ENDS_WITHIN_S).results
    except AssertionError as exc:
        raise LabError(f"ours did not end: {exc}") from exc
    finally:
        cut.cancel()
        cut.join()
        yard.lab.execute(SOURCE, "rm", "-f", _CANCEL_FILE)
    messages = {row["name"]: row["msg"] for row in result.get("guests", []) if row["msg"]}
    if "elapsed_s" not in result:
        raise LabError(f"ours gave no result: {result.get('msg')}")
    return float(result["elapsed_s"]), messages


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
