# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory, processors, networks and devices that the destination does not have, or not enough of."""

from __future__ import annotations

from .codes import Err
from .meaning_row import ON_SOURCE, Meaning

_BRIDGE = "Create the guest's bridge or network on the destination under the same name."
_BOUND = (
    "Choose a destination with those nodes and processors, or move the guest with a definition that binds it to "
    "what is there (<numatune>, <vcpupin>, <emulatorpin>)."
)
_HUGEPAGES = (
    "Mount hugetlbfs for pages of the size that the guest wants on the destination, reserve enough of them there, "
    "and restart its daemon; or choose another destination."
)
_DEVICE = (
    "Make the host device that the message names available on the destination, free and under the same address or "
    "name, or take it out of the guest before it moves."
)

ROWS: tuple[Meaning, ...] = (
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED, Err.SYSTEM_ERROR),
        text=(
            r"hugetlbfs|huge ?pages?\b|hugepage|page size .{0,40}is not available|Unable to allocate .{0,30}pages|"
            r"/dev/hugepages"
        ),
        reason="DESTINATION_MEMORY",
        means="The destination has no hugepages of that size, or too few.",
        state=ON_SOURCE,
        remedy=_HUGEPAGES,
        source="qemu/qemu_command.c, qemu/qemu_conf.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED),
        text=r"vfio_(dma_)?map(_dma)?\b.{0,80}cannot allocate memory",
        reason="HOST_SETUP",
        means="QEMU may not lock as much memory as a device that is passed through needs.",
        state=ON_SOURCE,
        remedy=(
            "Allow the guest to lock its memory on the destination (<memtune><hard_limit>, max locked memory of "
            "the daemon's unit), and see that its memory is free there."
        ),
        source="QEMU: hw/vfio/common.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED, Err.SYSTEM_ERROR, Err.NO_MEMORY),
        text=(
            r"allocate memory|set up guest memory|backing store for guest RAM|out of memory|"
            r"insufficient (free )?(host )?memory|not enough memory|map backing store|qemu_ram_alloc|"
            r"preallocat(e|ing) memory|(resize|create|seal) memfd|"
            r"memory allocation failed"
        ),
        reason="DESTINATION_MEMORY",
        means="There is not enough memory.",
        state=ON_SOURCE,
        remedy="Free memory or hugepages on the destination, or choose another one.",
        source="qemu/qemu_driver.c",
        domain="QEMU",
        seen="7.0",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED, Err.SYSTEM_ERROR),
        text=r"lock(ed)? memory|locked memory|memlock|mlock",
        reason="HOST_SETUP",
        means="The memory of the guest may not be locked.",
        state=ON_SOURCE,
        remedy=(
            "Allow the guest to lock its memory on the destination (<memtune><hard_limit>, max locked memory of "
            "the daemon's unit); RDMA, VFIO and locked memory need that."
        ),
        source="util/virprocess.c, qemu/qemu_domain.c",
        domain="NONE, QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(
            Err.INTERNAL_ERROR,
            Err.CONFIG_UNSUPPORTED,
            Err.OPERATION_FAILED,
            Err.OPERATION_INVALID,
            Err.SYSTEM_ERROR,
        ),
        text=(
            r"NUMA isn't available|NUMA node .{0,30}(unavailable|is not available|out of range)|nodeset of|"
            r"bind memory|cpuset\.(mems|cpus)|host-nodes|CPU affinity|numad|mbind|set memory policy|cpu affinity"
        ),
        reason="INCOMPATIBLE",
        means="The destination has other NUMA nodes or processors than the guest is bound to.",
        state=ON_SOURCE,
        remedy=_BOUND,
        source="qemu/qemu_driver.c, qemu/qemu_process.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR,),
        quoted=r"cpuset\.(mems|cpus)",
        reason="INCOMPATIBLE",
        means="The destination has other NUMA nodes or processors than the guest is bound to.",
        state=ON_SOURCE,
        remedy=_BOUND,
        source="util/vircgroup.c",
        domain="CGROUP",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.NO_NETWORK,),
        reason="NETWORK_MISSING",
        means="The destination has no network of that name.",
        state=ON_SOURCE,
        remedy="Define and start the guest's network on the destination too.",
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID, Err.INTERNAL_ERROR),
        text=r"network '' is not active|network state driver",
        reason="NETWORK_MISSING",
        means="The network is defined there, but not started.",
        state=ON_SOURCE,
        remedy=(
            "Start the network on the destination ('virsh net-start'), and let it start with the host ('virsh "
            "net-autostart')."
        ),
        source="network/bridge_driver.c",
        domain="NETWORK",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.NO_NWFILTER, Err.INVALID_NWFILTER, Err.NO_NWFILTER_BINDING),
        reason="NETWORK_MISSING",
        means="The destination does not have the network filter.",
        state=ON_SOURCE,
        remedy=(
            "Define the network filter that the message names on the destination ('virsh nwfilter-define'), with "
            "the filters that it refers to."
        ),
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED, Err.SYSTEM_ERROR, Err.CONFIG_UNSUPPORTED),
        text=(
            r"nwfilter|network filter|filter(ing)? .{0,30}(rule|instantiat)|firewall (rules|command)|firewalld|"
            r"firewall.?backend|ebtables|iptables|referenced filter|\bnft\b"
        ),
        reason="NETWORK_MISSING",
        means="Rules of a network filter or firewall could not be made.",
        state=ON_SOURCE,
        remedy=(
            "See on the destination that the filter, and the program that the message names (iptables, nft, "
            "ebtables), are there and work."
        ),
        source="qemu/qemu_hotplug.c, conf/domain_conf.c",
        domain="DOMAIN, QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED),
        text=r"\bOVS\b|ovs-vsctl|open ?vswitch|(qos|queue) configuration on port|ingress on port",
        reason="NETWORK_MISSING",
        means="Open vSwitch does not have the bridge, or does not answer.",
        state=ON_SOURCE,
        remedy=(
            "See that Open vSwitch runs on the destination and has the bridge that the message names ('ovs-vsctl "
            "list-br')."
        ),
        source="util/virnetdevopenvswitch.c",
        domain="NONE",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR, Err.INTERNAL_ERROR, Err.OPERATION_FAILED),
        text=r"tun module|vhost-net requested|open /dev/(net/tun|vhost-net|tap)|macvtap tap device",
        reason="HOST_SETUP",
        means="The destination cannot make network interfaces for guests.",
        state=ON_SOURCE,
        remedy=(
            "Load the kernel module that the message asks for on the destination (tun, macvtap, vhost_net), and "
            "see that /dev/net/tun is there."
        ),
        source="util/virnetdevmacvlan.c, util/virnetdevtap.c",
        domain="NET, NONE",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.CONFIG_UNSUPPORTED,),
        text=r"vhost-net was requested",
        reason="HOST_SETUP",
        means="The destination has no vhost-net.",
        state=ON_SOURCE,
        remedy="Load the kernel module vhost_net on the destination.",
        source="qemu/qemu_interface.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(
            Err.INTERNAL_ERROR,
            Err.OPERATION_FAILED,
            Err.SYSTEM_ERROR,
            Err.RPC,
            Err.OPERATION_INVALID,
            Err.NO_INTERFACE,
        ),
        text=(
            r"interface (MTU|MAC|flags|name)|network( '')? not found|bridge .{0,60}(doesn't|does not) exist|"
            r"nonexistent bridge|bridge name|add bridge|bridge helper|bridge .{0,40}port|(create|creating|"
            r"to open) (tap|macvtap|macvlan)|creating .{0,60}interface|interface (index|already exists)|"
            r"index for interface|port.?profile|virtual ?port|associated interface or bridge|"
            r"exclusive access to interfaces|forward dev|network '' (has|uses|doesn't|does not|requires|claims)|"
            r"interface list|Interface not found|tap interface|configure /dev/net/tun|get (driver name|bridge)|"
            r"get VLAN|vlan|portgroup|interface name .{0,60}too long|switchdev|plug type|network port|"
            r"but specified dev doesn't exist"
        ),
        reason="NETWORK_MISSING",
        means="The guest's bridge, network or interface is not there, or not usable.",
        state=ON_SOURCE,
        remedy=_BRIDGE,
        source="qemu/qemu_hotplug.c, qemu/qemu_migration.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.DEVICE_MISSING,),
        reason="DEVICE_MISSING",
        means="A device is not there.",
        state=ON_SOURCE,
        remedy=(
            "See which device the message names: one of the host must be made available there under the same "
            "address or name, one of the guest be in its definition."
        ),
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(
            Err.INTERNAL_ERROR,
            Err.OPERATION_FAILED,
            Err.SYSTEM_ERROR,
            Err.CONFIG_UNSUPPORTED,
            Err.ARGUMENT_UNSUPPORTED,
            Err.OPERATION_INVALID,
        ),
        text=(
            r"host doesn't support .{0,20}(PCI|VFIO)|VFIO PCI device assignment|requires VFIO support|"
            r"device assignment is (currently |no longer )?not? ?(longer )?supported|open /dev/vfio/vfio|"
            r"No available IOMMU|iommu group|is not viable|iommu_group"
        ),
        reason="DEVICE_MISSING",
        means="The destination cannot hand devices to guests.",
        state=ON_SOURCE,
        remedy=(
            "Switch the IOMMU on (firmware and kernel command line) and load vfio-pci on the destination, or take "
            "the device out of the guest before it moves."
        ),
        source="hypervisor/virhostdev.c; QEMU: hw/vfio/common.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.CONFIG_UNSUPPORTED,),
        text=r"vhost-scsi device file|vhost-vsock device|not an SR-IOV|not a VF",
        reason="DEVICE_MISSING",
        means="The destination does not have the device, or its kernel module.",
        state=ON_SOURCE,
        remedy=(
            "Load the kernel module of the device that the message names on the destination (vhost_scsi, "
            "vhost_vsock), or make the device available there."
        ),
        source="qemu/qemu_process.c, network/bridge_driver.c",
        domain="NETWORK, QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED, Err.OPERATION_INVALID, Err.SYSTEM_ERROR, Err.INVALID_ARG),
        text=(
            r"(PCI|USB|SCSI|mediated|NVMe|host) device .{0,80}(in use|not found|not assignable|does not exist|"
            r"already|used by|missing|detached|behind a switch)|Did not find USB|Multiple USB|\bmdev\b|"
            r"vfio(?! migration was active)|"
            r"vhost-scsi|vhost-vsock|vdpa device|vDPA|no such host device|"
            r"Device '?[^']{0,40}'? not found: could not access|reset PCI device|device \S+ is (already in use|"
            r"behind a switch)|PCI (stub|driver) module|PCI config|config space file|"
            r"SCSI device '': could not access|(stub|PCI) driver|SR-IOV|Virtual Function|\bVF\b|"
            r"is not bound to a net driver|host device"
        ),
        reason="DEVICE_MISSING",
        means="A host device of the guest is not there, or in use.",
        state=ON_SOURCE,
        remedy=_DEVICE,
        source="hypervisor/virhostdev.c, util/virpci.c",
        domain="HOSTDEV",
        seen="7.0 9.0 11.3",
    ),
)
