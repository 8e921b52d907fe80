# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.firewall.packet import (
    ICMPV6,
    later,
    reply,
    request,
    solicitation,
)

FIRST = request(4, (49152, 49215), (1, 9), 7, "eno1")


def test_the_first_packet() -> None:
    assert FIRST.fields == {"dport": (49152, 49215), "sport": (1024, 65535), "saddr": (1, 9), "daddr": (7, 7)}
    assert (FIRST.state, FIRST.flags, FIRST.is_reply) == ("new", 0x02, False)
    assert "daddr" not in request(4, (1, 1), (1, 9)).fields  # the host's own address is not known


def test_the_answer_goes_the_other_way() -> None:
    answer = reply(FIRST, is_tracked=True)
    assert answer.fields == {"sport": (49152, 49215), "dport": (1024, 65535), "daddr": (1, 9), "saddr": (7, 7)}
    assert (answer.interfaces, answer.kinds) == ({"oif": "eno1"}, {"daddr": "unicast", "saddr": "local"})
    assert (answer.state, answer.is_reply) == ("established", True)
    assert reply(FIRST, is_tracked=False).state is None
    assert reply(FIRST, is_tracked=True, marks_are_known=False).connmark is None


def test_what_follows_and_what_neighbours_ask() -> None:
    assert (later(FIRST).state, later(FIRST).flags, later(FIRST).fields) == ("established", 0x10, FIRST.fields)
    asked = solicitation(FIRST)
    assert (asked.family, asked.protocol, asked.fields["type"], asked.state) == (6, ICMPV6, (135, 135), "untracked")
