# SPDX-License-Identifier: GPL-3.0-or-later
"""A second disk that all hosts of the lab reach: one of them serves it."""

from __future__ import annotations

import contextlib
import typing as t

from virtlab.lab import Lab

IMAGES = "/var/lib/libvirt/images"
_SERVED = f"{IMAGES}/served.img"
_PID = "/run/served.pid"
_PORT = "10809"
_NBD = """<disk type='network' device='disk'><driver name='qemu' type='raw' cache='none'/>
<source protocol='nbd' name=''><host name='{}' port='10809'/></source><target dev='vdb' bus='virtio'/></disk>"""


@contextlib.contextmanager
def served(lab: Lab, host: str, uuid: str) -> t.Iterator[None]:
    """The guest is started anew on that host with it, as vdb."""
    address = lab.host(host).mgmt_address
    with contextlib.ExitStack() as undo:
        lab.execute(host, "truncate", "-s", "16M", _SERVED)
        undo.callback(lab.execute, host, "rm", "-f", _SERVED)
        serve = ["qemu-nbd", "--fork", "--persistent", "--shared=2", "--format=raw", f"--bind={address}"]
        lab.execute(host, *serve, f"--port={_PORT}", f"--pid-file={_PID}", _SERVED)
        undo.callback(lab.execute, host, "sh", "-c", f"kill $(cat {_PID})", check=False)
        lab.virsh(host, "destroy", uuid)
        xml = lab.virsh(host, "dumpxml", uuid, "--inactive").stdout
        xml = xml.replace("</devices>", f"{_NBD.format(address)}</devices>")
        lab.execute(host, "virsh", "define", "/dev/stdin", input_text=xml)
        lab.virsh(host, "start", uuid)
        yield
