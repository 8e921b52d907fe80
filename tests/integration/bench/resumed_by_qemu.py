# SPDX-License-Identifier: GPL-3.0-or-later
"""A broken post-copy joined by QEMU alone, for tests on hosts whose libvirt crashes on it, without our modules."""

from __future__ import annotations

import json

from virtlab.lab import Lab

PORT = 49200
# QEMU greets, and answers one line to each order; events come in between.
_TELL = """
import json, re, socket, sys
text = open("/run/libvirt/qemu/" + sys.argv[1] + ".xml").read()
client = socket.socket(socket.AF_UNIX)
client.settimeout(30)
client.connect(re.search("<monitor path='([^']*)'", text)[1])
file = client.makefile("rw")
file.readline()
for order in json.loads(sys.argv[2]):
    file.write(json.dumps(order) + "\\n")
    file.flush()
    answer = {}
    while "return" not in answer and "error" not in answer:
        answer = json.loads(file.readline())
    assert "return" in answer, answer
"""


def resumed_by_qemu(lab: Lab, name: str, source: str, destination: str) -> None:
    """Returns when the source has the order to send the rest."""
    lab.kill_libvirtd(destination)
    try:
        listen = {"execute": "migrate-recover", "arguments": {"uri": f"tcp:[::]:{PORT}"}}
        orders = json.dumps([{"execute": "qmp_capabilities"}, listen])
        lab.execute(destination, "python3", "-c", _TELL, name, orders)
    finally:
        lab.start_libvirtd(destination)
    send = {"execute": "migrate", "arguments": {"uri": f"tcp:{destination}:{PORT}", "resume": True}}
    answer = json.loads(lab.virsh(source, "qemu-monitor-command", name, json.dumps(send)).stdout)
    assert "return" in answer, answer
