# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.document import StoragePool
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.network import VirtualNetwork
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.network_pool_xml import (
    parse_network,
    parse_pool,
)


def test_networks() -> None:
    text = """<network><name>default</name><uuid>u</uuid><forward mode='nat'/><bridge name='virbr0'/><mtu size='9000'/>
      <portgroup name='blue'/></network>"""
    assert parse_network(text, active=True, autostart=False) == VirtualNetwork(
        "default", "u", True, False, "nat", "virbr0", "", 9000, ["blue"]
    )
    bridged = "<network><name>n</name><forward mode='bridge'><interface dev='eno2'/></forward></network>"
    assert parse_network(bridged, active=True, autostart=True).device == "eno2"
    isolated = parse_network("<network><name>n</name><bridge name='b'/></network>", active=False, autostart=True)
    assert (isolated.forward, isolated.mtu, isolated.active) == ("", None, False)


def test_pools() -> None:
    text = """<pool type='netfs'><name>images</name><uuid>u</uuid><capacity unit='bytes'>1000</capacity>
      <available unit='KiB'>2</available><source><host name='filer'/><dir path='/export'/><format type='nfs'/></source>
      <target><path>/srv/images</path></target></pool>"""
    assert parse_pool(text, active=True, autostart=True) == StoragePool(
        "images", "u", "netfs", True, True, "/srv/images", "filer:/export", 1000, 2048
    )
    assert parse_pool(text, active=False, autostart=True).free_bytes is None
    volumes = "<pool type='logical'><name>vg</name><source><name>vg0</name></source></pool>"
    assert parse_pool(volumes, active=True, autostart=True).source == "vg0"
    rbd = "<pool type='rbd'><name>r</name><source><host name='m1'/><host name='m2'/><name>p</name></source></pool>"
    assert parse_pool(rbd, active=True, autostart=True).source == "m1,m2:p"
