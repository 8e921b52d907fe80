# SPDX-License-Identifier: GPL-3.0-or-later
"""A process within a namespace, which does what lines of JSON on its standard input say, until that ends.

``{"do": "run", "words": [...], "text": ..., "limit_s": ...}``: run a program. ``{"do": "listen", "ports": [...]}``:
accept connections. ``{"do": "connect", "tries": [[source, destination, port], ...], "wait_s": ...}``: which of the
connections come about. ``{"do": "read", "arrivals": [{...}, ...], "ranges": {...}, "files_only": ...}``: the product's
own reader. ``{"do": "start", ...}``: run a program in the background.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import sys
import threading
import time
import typing as t
from dataclasses import asdict

Request = dict[str, t.Any]


def run(request: Request) -> t.Any:
    limit_s, text = request.get("limit_s", 30), request.get("text", "")
    done = subprocess.run(
        request["words"], input=text, capture_output=True, text=True, check=False, timeout=limit_s, errors="replace"
    )
    return {"code": done.returncode, "output": done.stdout, "errors": done.stderr}


def start(request: Request) -> t.Any:
    with open(request["log"], "w", encoding="utf-8") as log:
        process = subprocess.Popen(request["words"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    return {"pid": process.pid}


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def listen(request: Request) -> t.Any:
    for port in request["ports"]:
        for address in ("0.0.0.0", "::"):
            listener = socket.socket(_family(address), socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if address == "::":
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((address, port))
            listener.listen(128)
            threading.Thread(target=_accept, args=(listener,), daemon=True).start()
    return {}


def _accept(listener: socket.socket) -> None:
    while True:
        connection, _peer = listener.accept()
        connection.close()


def connect(request: Request) -> t.Any:
    """True for each that is accepted within the time. One that is refused counts as one that does not come about."""
    sockets: dict[socket.socket, int] = {}
    found = [False] * len(request["tries"])
    for index, (source, destination, port) in enumerate(request["tries"]):
        one = socket.socket(_family(destination), socket.SOCK_STREAM)
        one.setblocking(False)
        one.bind((source, 0))
        sockets[one] = index
        one.connect_ex((destination, port))
    end_s = time.monotonic() + request["wait_s"]
    waiting = set(sockets)
    while waiting:
        # Once more than the time allows: whoever got no processor meanwhile would not see what is there.
        _readable, ready, _odd = select.select([], list(waiting), [], max(0.0, end_s - time.monotonic()))
        if not ready:
            break
        for one in ready:
            waiting.discard(one)
            found[sockets[one]] = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    for one in sockets:
        # Without a farewell, so that nothing is left over for the next rules.
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        one.close()
    return found


def read(request: Request) -> t.Any:
    from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.port_opening import Arrival
    from ansible_collections.virtops.live_migration.plugins.module_utils._host import firewall
    from ansible_collections.virtops.live_migration.plugins.module_utils._host.files import Programs

    known: dict[str, tuple[int, str]] = {}

    def answer(words: list[str]) -> tuple[int, str]:
        if request.get("files_only"):
            return 1, ""
        key = " ".join(words)
        if key not in known:
            done = run({"words": words})
            known[key] = done["code"], done["output"]
        return known[key]

    ranges = {name: (low, high) for name, (low, high) in request["ranges"].items()}
    arrivals = [Arrival(**one) for one in request["arrivals"]]
    return [asdict(firewall.read_firewall(Programs(answer), ranges, "", one)) for one in arrivals]


def main() -> None:
    actions = {"run": run, "start": start, "listen": listen, "connect": connect, "read": read}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"answer": actions[request["do"]](request)}
        except (OSError, subprocess.SubprocessError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
