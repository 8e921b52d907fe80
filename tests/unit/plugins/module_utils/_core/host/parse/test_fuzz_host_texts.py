# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host, its programs and its libvirt say, damaged at random: an answer, or an error of ours, in linear time.

How many inputs each reader gets: VIRTOPS_FUZZ_EXAMPLES (100). The counts are printed at the end.
"""

from __future__ import annotations

import collections
import contextlib
import json
import math
import os
import re
import struct
import time
import typing as t
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import HostDocument
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse import capabilities as caps
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.interfaces import (
    devices_of_routes,
    interfaces,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.migration_path import (
    Address,
    NetworkFacts,
    migration_path,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.network_pool_xml import (
    parse_network,
    parse_pool,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.procfs import (
    MountTable,
    parse_counters,
    parse_meminfo,
    parse_mounts,
    parse_sockets,
    touched_bytes,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.systemd_units import (
    checked_units,
    read_note,
    unit_state,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.json_text import read_json
from ansible_collections.virtops.live_migration.plugins.module_utils._host import network
from ansible_collections.virtops.live_migration.plugins.module_utils._host.files import Programs
from ansible_collections.virtops.live_migration.plugins.module_utils._host.route import parse_route
from ansible_collections.virtops.live_migration.tests.unit.plugins import captured_texts

CAPTURED = Path(captured_texts.__file__).with_name("captured")
EXAMPLES = int(os.environ.get("VIRTOPS_FUZZ_EXAMPLES", "100"))
COUNTS: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)

SOCKETS = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0B00E70A:407D 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 77352 1 0000 100 0 0 10 0
   1: 0000000000000000FFFF00000B00E70A:C002 0000000000000000FFFF00000C00E70A:1234 06 00000000:00000000
"""
MEMINFO = "MemTotal:       24684084 kB\nMemFree:         1000 kB\nHugePages_Free:        3\nNode 0 MemFree: 10 kB\n"
MOUNTS = r"""72 71 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
111 72 0:50 / /srv/nfs rw,relatime shared:1 - nfs4 filer:/export rw,vers=4.2
112 72 0:51 / /srv/with\040space ro,relatime - cifs //filer/share ro
"""
COUNTERS = "Inter-|   Receive\n face |bytes\n  lo: 100 1 0 0 0 0 0 0 200 1 0\neth0: 5 1 0 0 0 0 0 0 7 1 0\n"
SMAPS = """7f2a80000000-7f2a90002000 rw-p 00000000 00:00 0
Size:             262152 kB
Rss:              143360 kB
Swap:               1024 kB
7f2a90002000-7f2a94002000 ---p 00000000 00:00 0
Private_Hugetlb:   65536 kB
"""
SHOWN = "LoadState=loaded\nActiveState=active\n"
NOTE = "backup.timer\nreports.service\n"
NETWORK = """<network><name>default</name><uuid>u</uuid><forward mode='nat' dev='eth0'><interface dev='eth0'/></forward>
<bridge name='virbr0'/><mtu size='9000'/><portgroup name='a'/></network>"""
POOL = """<pool type='netfs'><name>images</name><uuid>u</uuid><capacity unit='bytes'>100</capacity>
<available unit='KiB'>7</available><source><host name='filer'/><dir path='/x'/></source>
<target><path>/srv</path></target></pool>"""
LINKS = (CAPTURED / "ip_addr.json").read_text()
ROUTES = json.dumps([{"dst": "default", "dev": "eth0", "nexthops": [{"dev": "eth1", "weight": 1}]}])
BASELINE = "<cpu><model>Haswell</model><feature policy='require' name='vmx'/></cpu>"


def ip_prints(text: str) -> Programs:
    programs = Programs(lambda _words: (0, text))
    programs.output = lambda *_words: text  # type: ignore[method-assign]
    return programs


def way(text: str) -> t.Any:
    """All that is known of a network, from what ip says of it."""
    found = interfaces(read_json_of_ours(text), {})
    names = [one.name for one in found]
    facts = NetworkFacts(
        Address(found[0].addresses[0].partition("/")[0] if found and found[0].addresses else ""),
        interfaces=found,
        default_routes=set(names[:2]),
        ssh_addresses={address.partition("/")[0] for one in found for address in one.addresses},
        guest_links=names,
    )
    return migration_path(facts)


def read_json_of_ours(text: str) -> t.Any:
    try:
        return read_json(text)
    except ValueError as exc:
        raise MigrationError("ODD_TEXT", str(exc)) from exc


# Each reader, with a text that it understands.
READERS: dict[str, tuple[t.Callable[[str], t.Any], str]] = {
    "meminfo": (parse_meminfo, MEMINFO),
    "sockets": (parse_sockets, SOCKETS),
    "mounts": (lambda text: [MountTable(parse_mounts(text)).of("/srv/nfs/a")], MOUNTS),
    "counters": (parse_counters, COUNTERS),
    "smaps": (lambda text: touched_bytes(text.splitlines(keepends=True), 256 << 20), SMAPS),
    "systemctl": (unit_state, SHOWN),
    "note": (read_note, NOTE),
    "units": (lambda text: checked_units(text.split("\n")[:-1]), NOTE),
    "network": (lambda text: parse_network(text, active=True, autostart=None), NETWORK),
    "pool": (lambda text: parse_pool(text, active=True, autostart=None), POOL),
    "capabilities": (caps.parse_capabilities, (CAPTURED / "capabilities.xml").read_text()),
    "domain capabilities": (
        lambda text: (caps.parse_domain_capabilities(text), caps.host_model_xml(text)),
        (CAPTURED / "domain_capabilities_qemu.xml").read_text(),
    ),
    "baseline": (lambda text: caps.expanded(caps.CpuProfile("kvm"), text), BASELINE),
    "ip addr": (lambda text: network.read_interfaces(ip_prints(text)), LINKS),
    "ip route": (lambda text: network.default_route_interfaces(ip_prints(text)), ROUTES),
    "migration path": (way, LINKS),
}

NASTY = (
    "0", "9", "-", ":", ".", "/", "<", ">", "{", "}", "[", "]", '"', "'", "\\", "=", "kB", "null", "true", "false",
    "NaN", "-1", "1e999", "0x7f", " ", "\n", "\r", "\x00", "\x0b", "\x85", "\u2028", "\u0663", "\u00b2", "\ufffd",
    "\U0001f4a9", "", "9" * 25, "9" * 5000, "-" + "9" * 40, "FFFFFFFF", "0B00E70A:407D", "\\777", "rw-p", " - ",
    "<a>", "</a>", "&x;", "[" * 5000, '{"a":' * 3000, "<a>" * 3000, "x" * 5000, "[]", "{}", "[[]]", "7", '"x"',
    "unit='EiB'", "id=''",
)  # fmt: skip
# The values of XML and of JSON, and what leaves the text well-formed in their place.
VALUE = re.compile(r"(?<==')[^']*(?=')|(?<=>)[^<>]+(?=<)")
JSON_VALUE = re.compile(r'(?<=: )(?:"[^"]*"|[0-9a-z.-]+)|(?<=":)(?:"[^"]*"|[0-9a-z.-]+)|(?<=[\[,])"[^"]*"(?=[\],])')
VALUES = ("", " ", "0", "-1", "7.5", "x", "\u0663", "9" * 25, "9" * 5000, "EiB", "1 2", "yes", "\t")
JSON_VALUES = (
    "null",
    "true",
    "0",
    "-1",
    "7.5",
    '"x"',
    '""',
    "[]",
    "{}",
    "[[]]",
    '[{"dev": 7}]',
    "1e999",
    "9" * 25,
    "[7]",
)


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    """Parts cut out, doubled, exchanged or replaced by what is nasty; or only values, so that it stays well-formed."""
    pattern, values = (JSON_VALUE, JSON_VALUES) if text.startswith("[") else (VALUE, VALUES)
    places = [found.span() for found in pattern.finditer(text)]
    if places and draw(st.booleans()):
        for begin, end in sorted(draw(st.lists(st.sampled_from(places), min_size=1, max_size=3, unique=True)))[::-1]:
            text = text[:begin] + draw(st.sampled_from(values)) + text[end:]
        return text
    for _number in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(text)))
        end = min(len(text), begin + draw(st.sampled_from((0, 1, 2, 7, 40, 400))))
        what = draw(st.sampled_from(("put", "put", "double", "end", "char")))
        if what == "put":
            text = text[:begin] + draw(st.sampled_from(NASTY)) + text[end:]
        elif what == "double":
            text = text[:end] + text[begin:end] * draw(st.sampled_from((1, 2, 20))) + text[end:]
        elif what == "end":
            text = text[:begin]
        else:
            text = text[:begin] + draw(st.characters(exclude_categories=("Cs",))) + text[end:]
    return text


@pytest.fixture(scope="module", autouse=True)
def counts(request: pytest.FixtureRequest) -> t.Iterator[None]:
    yield
    capture = request.config.pluginmanager.getplugin("capturemanager")
    total = collections.Counter(one for each in COUNTS.values() for one in each.elements())
    with capture.global_and_fixture_disabled() if capture is not None else contextlib.nullcontext():
        for name, found in COUNTS.items():
            print(f"\n{name}: {dict(found)}", end="")
        print(f"\nfuzzed texts of hosts: {sum(total.values())} inputs, {dict(total)}")


def told(name: str, read: t.Callable[[], t.Any]) -> None:
    """An answer or an error of ours; whatever else it is ends the test."""
    outcome, message = "answers", ""
    try:
        read()
    except MigrationError as exc:
        outcome, message = exc.reason, str(exc)
    assert outcome in ("answers", "ODD_TEXT", "BAD_NOTE", "BAD_UNIT"), message
    assert len(message) < 2000
    COUNTS[name][outcome] += 1


@pytest.mark.parametrize("name", READERS)
def test_what_is_whole_is_understood(name: str) -> None:
    read, text = READERS[name]
    assert read(text)


@pytest.mark.parametrize("name", READERS)
def test_what_is_damaged_is_told(name: str) -> None:
    read, whole = READERS[name]

    @settings(max_examples=EXAMPLES, deadline=None, database=None)
    @given(damaged(whole))
    def each(text: str) -> None:
        told(name, lambda: read(text))

    each()


KEYS = ("addr_info", "dev", "flags", "ifname", "info_data", "info_kind", "link", "linkinfo", "local", "master", "mtu")
KEYS = (*KEYS, "nexthops", "operstate", "prefixlen")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=25,
)


@settings(max_examples=EXAMPLES, deadline=None, database=None)
@given(JSON)
def test_links_and_routes_of_every_type(value: t.Any) -> None:
    links = [{"ifname": "eth0", **value}] if isinstance(value, dict) else value
    told("types of links", lambda: interfaces(links, {}))
    told("types of routes", lambda: devices_of_routes(value))
    told("types of a route", lambda: devices_of_routes([value]))


@settings(max_examples=EXAMPLES, deadline=None, database=None)
@given(st.binary(max_size=200), st.sampled_from((0, 2, 24, 26)))
def test_the_kernels_answer_on_a_route(rest: bytes, kind: int) -> None:
    """What read_route takes for "no route", and nothing else."""
    answer = struct.pack("=IHHII", len(rest) + 16, kind, 0, 1, 0) + rest
    try:
        parse_route("10.0.0.1", answer)
        COUNTS["netlink"]["answers"] += 1
    except (OSError, OverflowError, ValueError, struct.error):
        COUNTS["netlink"]["no route"] += 1


@settings(max_examples=EXAMPLES, deadline=None, database=None)
@given(st.text(max_size=200) | JSON.map(json.dumps) | st.sampled_from(NASTY))
def test_json_of_programs(text: str) -> None:
    try:
        read_json(text)
        COUNTS["json"]["answers"] += 1
    except ValueError:
        COUNTS["json"]["refused"] += 1


# --- never a wrong nothing: what is there and cannot be read is not told as absent


def test_a_count_is_never_a_wrong_zero() -> None:
    assert "MemFree" not in parse_meminfo("MemTotal: 1 kB\nMemFree: x kB\n")
    assert parse_counters(COUNTERS.replace("eth0: 5", "eth0: x")) == {"lo": (100, 200)}
    assert touched_bytes(SMAPS.replace("Rss:              143360", "Rss: x").splitlines(), 256 << 20) is None
    (link,) = interfaces([{"ifname": "eth0", "mtu": "big", "flags": None, "operstate": 7}], {})
    assert (link.mtu, link.up) == (None, None)


def test_no_default_value_of_a_document_is_made_up() -> None:
    assert HostDocument("a", "u").interfaces is None


# --- linear time


def seconds(read: t.Callable[[str], t.Any], text: str) -> float:
    best = math.inf
    for _number in range(3):
        began_s = time.process_time()
        with contextlib.suppress(MigrationError):
            read(text)
        best = min(best, time.process_time() - began_s)
    return best


LARGE = {
    "meminfo": lambda n: MEMINFO * n,
    "sockets": lambda n: "\n".join([*SOCKETS.splitlines()[:2], *SOCKETS.splitlines()[1:] * n]),
    "mounts": lambda n: "".join(f"1 2 0:1 / /srv/{number} rw - ext4 /dev/vda rw\n" for number in range(n)),
    "counters": lambda n: COUNTERS + "".join(f"tap{number}: 5 1 0 0 0 0 0 0 7 1\n" for number in range(n)),
    "smaps": lambda n: SMAPS * n,
    "systemctl": lambda n: SHOWN * n,
    "note": lambda n: "".join(f"unit{number}.service\n" for number in range(n)),
    "network": lambda n: NETWORK.replace("<portgroup name='a'/>", "<portgroup name='a'/>" * n),
    "pool": lambda n: POOL.replace("<host name='filer'/>", "<host name='filer'/>" * n),
    "ip addr": lambda n: json.dumps([{"ifname": f"tap{number}", "master": "br0"} for number in range(n)]),
    "ip route": lambda n: json.dumps([{"dev": f"eth{number}", "nexthops": [{"dev": "a"}]} for number in range(n)]),
    "migration path": lambda n: json.dumps(
        [{"ifname": "br0", "addr_info": [{"local": "10.0.0.1"}]}]
        + [{"ifname": f"v{number}", "link": f"v{number - 1}", "linkinfo": {"info_kind": "vlan"}} for number in range(n)]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_eight_times_as_much_takes_no_more_than_eight_times_as_long(name: str) -> None:
    read, make = READERS[name][0], LARGE[name]
    small, large = seconds(read, make(1000)), seconds(read, make(8000))
    assert large < 8 * 4 * small + 0.1, f"{small:.4f} s and {large:.4f} s"
    assert large < 10
