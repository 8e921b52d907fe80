# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets of daemons, ports, and connections that cannot be made or have ended."""

from __future__ import annotations

from .codes import Err
from .meaning_row import LOOK_AT_BOTH, LOOK_AT_LOGS, ON_SOURCE, REFUSED, RUN_AS_ROOT, Meaning

_LISTENS = (
    "Check what listens at that address: libvirt's daemon, or from port 49152 on the QEMU that awaits the guest; "
    "and the name, the route and the firewall."
)
_WIRE = "Check the network and the daemons, then look at both hosts before the next step."

ROWS: tuple[Meaning, ...] = (
    Meaning(
        codes=(Err.SYSTEM_ERROR, Err.OPERATION_FAILED, Err.INTERNAL_ERROR),
        quoted=r"connect.{0,40}socket to '[^']*libvirt[^']*': (Permission denied|Operation not permitted)",
        reason="NOT_PERMITTED",
        means="This user may not use libvirt's socket.",
        state=REFUSED,
        remedy=RUN_AS_ROOT,
        source="rpc/virnetsocket.c",
        domain="RPC",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR, Err.OPERATION_FAILED, Err.INTERNAL_ERROR, Err.OPERATION_UNSUPPORTED),
        quoted=r"connect.{0,40}socket to '[^']*libvirt|listening daemon socket",
        reason="CONNECTION_FAILED",
        means="The daemon of libvirt that the socket belongs to does not run.",
        state=ON_SOURCE,
        remedy=(
            "Start the daemon that the socket belongs to on the host that the message comes from: libvirtd or "
            "virtqemud, and beside them virtlogd, virtlockd, virtnetworkd, virtstoraged, virtsecretd."
        ),
        source="rpc/virnetsocket.c",
        domain="RPC",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED),
        quoted=r"connect (socket )?to '/",
        reason="HOST_SETUP",
        means="A back end of the guest does not listen at its socket.",
        state=ON_SOURCE,
        remedy=(
            "See that what serves the socket that the message names (vhost-user back end, virtiofsd, a helper of "
            "QEMU) runs on the host that the message comes from."
        ),
        source="QEMU: util/qemu-sockets.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR, Err.OPERATION_FAILED, Err.INTERNAL_ERROR),
        text=r"connect.{0,80}(dbus|bus connection)|dbus .{0,40}connect|bus connection|system_bus_socket",
        reason="HOST_SETUP",
        means="The D-Bus of the host or of the guest's helpers does not answer.",
        state=ON_SOURCE,
        remedy=(
            "See that the D-Bus runs on the host that the message comes from ('systemctl status dbus'), and "
            "systemd-machined with it."
        ),
        source="conf/domain_addr.c, util/virgdbus.c",
        domain="DBUS, DOMAIN",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED, Err.SYSTEM_ERROR),
        text=(
            r"iSCSI:|Failed to connect to LUN|gluster|\brbd\b|\bRADOS\b|error connecting: |\bceph|curl: |"
            r"nfs_mount|mount nfs share|error reading header from"
        ),
        reason="STORAGE_MISSING",
        means="The server of a network disk does not answer, or does not let this host in.",
        state=ON_SOURCE,
        remedy=(
            "Make the storage server reachable from the host that the message comes from, with the same secret: "
            "network, firewall, access lists."
        ),
        source="QEMU: block/iscsi.c, block/gluster.c, block/rbd.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED, Err.SYSTEM_ERROR, Err.NO_CONNECT),
        text=(
            r"(vnc|spice).{0,200}(bind|listen|address|in use)|unable to reserve port .{0,40}graphics|"
            r"unused port in range '(vnc|spice|display)"
        ),
        reason="PORT_UNAVAILABLE",
        means="The guest's screen (VNC or SPICE) cannot listen there.",
        state=ON_SOURCE,
        remedy=(
            "The port or the listen address of the guest's VNC or SPICE is taken, or not of that host: let libvirt "
            "choose the port (autoport), and listen on an address that every host has, or on a network of libvirt."
        ),
        source="QEMU: ui/vnc.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED),
        text=r"guest cid",
        reason="DEVICE_MISSING",
        means="The context ID of the guest's vsock device is taken there.",
        state=ON_SOURCE,
        remedy="Another guest on the destination has the same vsock CID: let libvirt choose it (auto='yes').",
        source="util/virvsock.c",
        domain="NONE",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED, Err.SYSTEM_ERROR),
        text=(
            r"unused port|bind socket|bind to port|reserve port|address already in use|assign requested address|"
            r"Failed to find an available port|Failed to listen on socket"
        ),
        reason="PORT_UNAVAILABLE",
        means="The destination has no free port, or not that address.",
        state=ON_SOURCE,
        remedy=(
            "Free a port on the destination or widen migration_port_min and migration_port_max in its qemu.conf, "
            "and check that a listen address given is its own."
        ),
        source="rpc/virnetsocket.c, util/virportallocator.c",
        domain="NONE, RPC",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.ARGUMENT_UNSUPPORTED),
        text=r"isn't capable of IPv6",
        reason="NOT_SUPPORTED",
        means="The destination has no IPv6.",
        state=ON_SOURCE,
        remedy="Use an IPv4 address for the migration, or enable IPv6 on the host that the message comes from.",
        source="qemu/qemu_migration.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR,),
        text=r"resolved to localhost",
        reason="HOSTNAME_LOCALHOST",
        means="The destination's own name leads to itself.",
        state=ON_SOURCE,
        remedy="Give the destination a name that is not localhost, or use a migration URI with its address.",
        source="qemu/qemu_migration.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INVALID_ARG, Err.INTERNAL_ERROR),
        text=r"same host\b(?! page)",
        reason="SAME_HOST",
        means="Source and destination are one host, or say so.",
        state=ON_SOURCE,
        remedy=(
            "If these are two hosts, they have one host UUID: set host_uuid in libvirtd.conf or virtqemud.conf. "
            "Else correct the URI."
        ),
        source="qemu/qemu_migration_cookie.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR,),
        text=r"(from|to) monitor|monitor (socket|IO)",
        reason="QEMU_DIED",
        means="QEMU ended, or its monitor broke.",
        state=LOOK_AT_BOTH,
        remedy=LOOK_AT_LOGS,
        source="qemu/qemu_monitor.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED, Err.SYSTEM_ERROR, Err.NO_CONNECT, Err.RPC),
        text=(
            r"unable to connect (to server|socket)|unable to connect to|failed to connect socket|"
            r"failed to connect to (?!dbus|nbdkit|agent|the RADOS)|cannot connect to (?!netlink)|could not connect|"
            r"connection refused|no route to host|connection timed out|network is unreachable|host is down|"
            r"connect to remote libvirt"
        ),
        reason="CONNECTION_FAILED",
        means="Nobody answers at that address.",
        state=ON_SOURCE,
        remedy=_LISTENS,
        source="rpc/virnetsocket.c, storage/storage_backend_gluster.c",
        domain="RPC, STORAGE",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.NO_CONNECT,),
        reason="CONNECTION_FAILED",
        means="This libvirt has no driver for that URI.",
        state=REFUSED,
        remedy=(
            "Check the beginning of the URI (qemu:///system), and that libvirt's QEMU driver is installed where "
            "the URI leads to."
        ),
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED, Err.SYSTEM_ERROR, Err.RPC),
        text=(
            r"connection closed|client socket is closed|lost connection|end of file while reading|"
            r"keepalive timeout|cannot (recv|write) data(:|$)|(error|hangup) event on socket|"
            r"connection reset by peer|broken pipe$|stream (had|aborted)|connection not open|stream is closed"
        ),
        reason="CONNECTION_LOST",
        means="The connection to a daemon ended.",
        state=LOOK_AT_BOTH,
        remedy=_WIRE,
        source="qemu/qemu_migration.c, remote/remote_daemon_dispatch.c",
        domain="QEMU, RPC",
        seen="7.0 9.0 11.3",
    ),
)
