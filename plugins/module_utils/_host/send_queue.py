# SPDX-License-Identifier: GPL-3.0-or-later
"""How much data this machine's kernel takes for a TCP connection before it is sent.

In post-copy a page that the guest waits for stands in line behind it.
"""

from __future__ import annotations

import typing as t

from .files import read

_BUFFERS = "/proc/sys/net/ipv4/tcp_wmem"  # the least, the first and the largest of a connection, in bytes: tcp(7)
_UNSENT = "/proc/sys/net/ipv4/tcp_notsent_lowat"  # in bytes, 4294967295 by default: ip-sysctl of the kernel


def read_send_queue() -> t.Optional[int]:
    """The most of one connection, in bytes; None where the kernel does not tell.

    A buffer holds what the kernel itself needs for the data as well, so that somewhat less data is in it.
    """
    limits = [*(read(_BUFFERS) or "").split()[2:3], *(read(_UNSENT) or "").split()]
    known = [int(limit) for limit in limits if limit.isdecimal()]
    return min(known) if known else None
