# SPDX-License-Identifier: GPL-3.0-or-later

"""The definition of a guest with all that may be called otherwise on the destination, and rules that say how."""

from __future__ import annotations

from ansible_collections.virtops.live_migration.plugins.module_utils._core.destination_changes import DestinationChanges

GUEST = """<domain type='kvm' id='7' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
<name>erp01</name><uuid>1f3c6f0a-6a40-4d0c-9d5e-0a6b1d1f0c11</uuid><title>old</title>
<metadata><m:home xmlns:m='urn:m'>kvm01</m:home></metadata>
<memory unit='KiB'>1048576</memory><vcpu placement='static' cpuset='0-3'>2</vcpu>
<cputune><vcpupin vcpu='0' cpuset='1'/></cputune>
<os><type arch='x86_64' machine='pc-q35-9.0'>hvm</type>
<loader readonly='yes' type='pflash'>/usr/share/OVMF/C.fd</loader>
<nvram template='/usr/share/OVMF/V.fd'>/srv/a/nvram/erp01.fd</nvram></os>
<cpu mode='custom'><model>Haswell</model></cpu>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/srv/a/erp01.qcow2' index='1'/>
<backingStore type='file'><source file='/srv/a/base.qcow2'/></backingStore><target dev='vda' bus='virtio'/>
<alias name='virtio-disk0'/><address type='pci' domain='0' bus='4' slot='0' function='0'/></disk>
<disk type='network' device='disk'><source protocol='rbd' name='vm/data'>
<host name='mon1'/></source><target dev='vdb'/></disk>
<interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br0'/><target dev='vnet3'/>
<model type='virtio'/></interface>
<interface type='network'><mac address='52:54:00:00:00:02'/><source network='blue'/><model type='virtio'/></interface>
<interface type='direct'><mac address='52:54:00:00:00:03'/><source dev='eth1' mode='bridge'/></interface>
<graphics type='vnc' port='5901' autoport='yes' listen='10.0.0.11' passwd='secret'>
<listen type='address' address='10.0.0.11'/></graphics>
<serial type='tcp'><source mode='bind' host='10.0.0.11' service='4555'/><protocol type='raw'/>
<target port='0'/></serial>
<channel type='unix'><source mode='bind' path='/srv/a/agent.sock'/><target type='virtio' name='org.qemu.guest_agent.0'/>
</channel></devices>
<qemu:commandline><qemu:arg value='-x'/></qemu:commandline></domain>"""

CHANGES = DestinationChanges(
    bridges={"br0": "br-vm", "eth1": "wrong"},
    networks={"blue": "azure"},
    devices={"eth1": "ens1f0", "br0": "wrong"},
    listen_addresses={"10.0.0.11": "10.0.0.12"},
    paths={"/srv": "/wrong", "/srv/a": "/mnt/b/", "/srv/a/nvram/erp01.fd": "/var/nvram.fd"},
)
