#!/usr/bin/python
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_host_info
short_description: One document of all that live migrations from and to a host depend on
version_added: 0.1.0
description:
  - Returns one document of a host. Two of them, of a source with its guests and of a destination, are enough to decide
    whether a guest can be migrated, where it should go, and how fast that can be. See
    M(virtops.live_migration.migration_readiness_info).
  - The network interface in it is the one that migrations really use, by the kernel's routes and not by its name, with
    what else uses the same hardware.
  - No guest is asked anything and nothing is started. On the host itself it takes little longer than O(load_window_s).
    File systems whose server does not answer are passed over and named in RV(host.problems).
  - Over a remote O(uri) there is only what libvirt tells, and RV(host.local) is V(false). Run the module on the host
    to have all of it.
notes:
  - Needs root, or another user who may read C(/etc/libvirt/qemu.conf) and the rules of the firewall, for the whole
    document. What could not be read is named in RV(host.problems).
  - What matters in the configuration of libvirt is returned. Passwords, secrets and keys are not read.
options:
  migration_address:
    description:
      - The address that migrations to this host are sent to.
      - By default C(migration_host) or C(migration_address) of C(qemu.conf), or else what the host's own name resolves
        to. It is what libvirt would use.
    type: str
    default: ""
  peers:
    description:
      - Addresses of the other hosts. The kernel's route to the first one decides which interface migrations use.
      - Without peers it is the interface that holds the address, which packets to a peer need not take.
    type: list
    elements: str
    default: []
  load_window_s:
    description:
      - For how many seconds to look at what goes over the migration interface. Everything else is found out in the same
        time. V(0) does not look.
    type: float
    default: 1
  reference_epoch_s:
    description:
      - The time of the controller in seconds since 1970, for RV(host.clock.offset_ms). The time that it takes to start
        the module is part of the result, so that it is right to about a second.
    type: float
  domains:
    description:
      - Whether the guests are part of the document.
    type: bool
    default: true
  fact_path:
    description:
      - The directory of local facts on the host, as
        O(virtops.live_migration.evacuate_host#role:main:evacuate_host_fact_path).
        The fact there may say that the host takes no guests.
    type: path
    default: /etc/ansible/facts.d
extends_documentation_fragment:
  - virtops.live_migration._attributes
  - virtops.live_migration._attributes.actiongroup_all
  - virtops.live_migration._attributes.info_module
  - virtops.live_migration._libvirt
seealso:
  - module: virtops.live_migration.migration_readiness_info
  - module: virtops.live_migration.migration_dirty_rate_info
author:
  - virtops maintainers (@virtops)
"""

EXAMPLES = r"""
---
- name: What is there to migrate from and to?
  virtops.live_migration.migration_host_info:
    peers:
      - 10.231.1.12
    reference_epoch_s: "{{ now().timestamp() }}"
  register: kvm

- name: Migrations must not share their interface with guests
  ansible.builtin.assert:
    that: not kvm.host.migration.carries_guests
    fail_msg: "{{ kvm.host.migration.interface }} carries {{ kvm.host.migration.carries_guests }} too."
"""

RETURN = r"""
host:
  description: The host's document. What is not known is V(none) or empty.
  returned: success
  type: dict
  contains:
    name:
      description: Name of the host, as libvirt has it.
      type: str
      sample: "kvm01"
    uuid:
      description: >-
        UUID of the host. Hosts that were cloned share it, and libvirt then refuses to migrate between them.
      type: str
      sample: "4c0ffee0-0000-4000-8000-000000000001"
    schema:
      description: Version of the shape of this document.
      type: int
      sample: 1
    uri:
      description: The connection that it was made over.
      type: str
      sample: "qemu:///system"
    local:
      description: Whether the host's own files could be read. Without, much is not known.
      type: bool
      sample: true
    hostname:
      description: What the host calls itself to others, unless it is configured otherwise.
      type: str
      sample: "kvm01"
    hostname_addresses:
      description: What that name resolves to on the host itself.
      type: list
      elements: str
      sample: ["10.231.0.11"]
    versions:
      description: Versions.
      type: dict
      contains:
        libvirt:
          description: Of the daemon.
          type: str
          sample: "9.0.0"
        qemu:
          description: Of QEMU.
          type: str
          sample: "7.2.22"
        kernel:
          description: Of the kernel.
          type: str
          sample: "6.18.44-fc-v669"
    features:
      description: What these versions can do, as stable ids.
      type: list
      elements: str
      sample: ["postcopy", "postcopy_recovery", "postcopy_bandwidth"]
    known_bugs:
      description: Bugs that these versions are known to have.
      type: list
      elements: dict
      contains:
        id:
          description: Stable id.
          type: str
          sample: "shutdown_during_migration_crashes_daemon"
        summary:
          description: What happens.
          type: str
          sample: "before libvirt 10.5 the daemon can crash when a guest shuts down while it migrates"
        remedy:
          description: What to do.
          type: str
          sample: "Update libvirt to 10.5, or keep the guest from shutting down meanwhile."
    daemon:
      description: The daemon.
      type: dict
      contains:
        mode:
          description: >-
            V(monolithic) for one C(libvirtd), V(modular) for one daemon for each driver, empty when not known.
          type: str
          sample: "monolithic"
        listeners:
          description: What it and the SSH daemon listen on.
          type: list
          elements: dict
          contains:
            transport:
              description: V(tcp), V(tls) or V(ssh).
              type: str
              sample: "ssh"
            address:
              description: Its address.
              type: str
              sample: "10.231.0.11"
            port:
              description: Its port.
              type: int
              sample: 22
        settings:
          description: Its settings that matter, as far as they are set.
          type: dict
          sample:
            auth_tcp: "none"
            auth_unix_rw: "none"
            host_uuid: "4c0ffee0-0000-4000-8000-000000000001"
            listen_addr: "10.231.0.11"
            listen_tcp: 1
            listen_tls: 0
        qemu_settings:
          description: Those of C(qemu.conf).
          type: dict
          sample:
            group: "root"
            migration_host: "10.231.1.11"
            security_driver: "none"
            stdio_handler: "file"
            user: "root"
        uri_transports:
          description: Transports that migrations can use.
          type: list
          elements: str
          sample: ["tcp", "rdma"]
    cpu:
      description: The processor.
      type: dict
      contains:
        arch:
          description: Architecture.
          type: str
          sample: "x86_64"
        model:
          description: The closest model that libvirt knows.
          type: str
          sample: "kvm64"
        vendor:
          description: Vendor.
          type: str
          sample: "AMD"
        microcode:
          description: Version of the microcode.
          type: str
          sample: "16777317"
        threads:
          description: Logical processors.
          type: int
          sample: 2
        sockets:
          description: Sockets in each NUMA node.
          type: int
          sample: 1
        cores_per_socket:
          description: Cores in each socket.
          type: int
          sample: 2
        threads_per_core:
          description: Threads in each core.
          type: int
          sample: 1
        features:
          description: Features that the model does not imply.
          type: list
          elements: str
          sample: ["xsaveopt", "xsaves"]
        tsc_frequency_hz:
          description: Frequency of the time stamp counter.
          type: int
          sample: 2596130000
        tsc_scaling:
          description: Whether guests can be given another frequency.
          type: bool
          sample: false
        xml:
          description: The same in libvirt's words.
          type: str
        profiles:
          description: What guests of each type can be given.
          type: list
          elements: dict
          contains:
            virt_type:
              description: V(kvm) or V(qemu).
              type: str
              sample: "qemu"
            model:
              description: The model that a guest with C(host-model) gets.
              type: str
              sample: "EPYC"
            vendor:
              description: Its vendor.
              type: str
              sample: "AMD"
            features:
              description: Features that a guest can have.
              type: list
              elements: str
              sample: ["xsave", "xsaveopt"]
            features_complete:
              description: Whether they include those that the model implies.
              type: bool
              sample: true
            usable_models:
              description: Models that guests can be given here.
              type: list
              elements: str
              sample: ["Conroe", "486"]
            known_models:
              description: Models that libvirt knows.
              type: list
              elements: str
              sample: ["Broadwell", "486"]
            xml:
              description: The model with all that it has and lacks, in libvirt's words.
              type: str
    memory:
      description: The memory.
      type: dict
      contains:
        total_bytes:
          description: All of it.
          type: int
          sample: 25276502016
        free_bytes:
          description: What nothing uses.
          type: int
          sample: 23603761152
        available_bytes:
          description: What new processes can get without swapping.
          type: int
          sample: 24313360384
        swap_free_bytes:
          description: Free swap space.
          type: int
          sample: 0
        default_hugepage_size_bytes:
          description: Size of a hugepage where none is named.
          type: int
          sample: 2097152
        nodes:
          description: The NUMA nodes.
          type: list
          elements: dict
          contains:
            node:
              description: Number of the node.
              type: int
              sample: 0
            total_bytes:
              description: All of its memory.
              type: int
              sample: 7476555776
            free_bytes:
              description: What nothing uses.
              type: int
              sample: 5803868160
            cpus:
              description: Its logical processors.
              type: list
              elements: int
              sample: [0, 1]
        hugepages:
          description: Hugepages by node and size. V(null) when they are not known.
          type: list
          elements: dict
          contains:
            node:
              description: Number of the NUMA node.
              type: int
              sample: 0
            size_bytes:
              description: Size of one.
              type: int
              sample: 1073741824
            total:
              description: How many there are.
              type: int
              sample: 0
            free:
              description: How many are free.
              type: int
              sample: 0
    emulators:
      description: The emulators, one for each architecture.
      type: list
      elements: dict
      contains:
        arch:
          description: Architecture.
          type: str
          sample: "x86_64"
        path:
          description: The program.
          type: str
          sample: "/usr/bin/qemu-system-x86_64"
        machines:
          description: Machine types, aliases included.
          type: list
          elements: str
          sample: ["q35", "x-remote"]
        virt_types:
          description: Types of guests.
          type: list
          elements: str
          sample: ["kvm", "qemu"]
    firmware_files:
      description: Firmware images where distributions put them.
      type: list
      elements: str
    migration:
      description: Where migrations arrive, and the interface that they really use.
      type: dict
      contains:
        address:
          description: The address that migrations to this host are sent to, unless they name another.
          type: str
          sample: "10.231.1.11"
        address_from:
          description: >-
            Where the address is from: the option, C(qemu.conf), or the host's name.
          type: str
          sample: "qemu.conf migration_host"
        listen_address:
          description: C(migration_address) of C(qemu.conf).
          type: str
        address_interface:
          description: The interface that holds the address.
          type: str
          sample: "eth1"
        interface:
          description: >-
            The interface of the route to the first peer, or without peers the one that holds the address.
          type: str
          sample: "eth1"
        stack:
          description: This interface and all that it stands on, down to the hardware.
          type: list
          elements: str
          sample: ["eth1"]
        speed_mbit_per_s:
          description: Speed of one port of it.
          type: int
          sample: 10000
        speed_is_real:
          description: Whether it is that of hardware. Virtual interfaces report made-up speeds.
          type: bool
          sample: false
        duplex:
          description: V(full) or V(half).
          type: str
          sample: "full"
        mtu:
          description: MTU.
          type: int
          sample: 1500
        driver:
          description: Driver of the hardware.
          type: str
        carries_default_route:
          description: Whether the default route uses the same hardware.
          type: bool
          sample: false
        carries_ssh:
          description: Whether SSH, this very session for example, uses the same hardware.
          type: bool
          sample: false
        carries_guests:
          description: Bridges and devices of guests that use the same hardware.
          type: list
          elements: str
        send_queue_bytes:
          description:
            - The most that a TCP connection may have waiting in the kernel to be sent, the lesser of
              C(net.ipv4.tcp_notsent_lowat) and the largest buffer of C(net.ipv4.tcp_wmem).
            - In post-copy a page that the guest waits for stands in line behind it.
          type: int
          sample: 4194304
        load:
          description: What went over it while the document was made.
          type: dict
          contains:
            window_s:
              description: How long was looked.
              type: float
              sample: 1.0
            rx_bytes_per_s:
              description: Bytes received per second.
              type: int
              sample: 69
            tx_bytes_per_s:
              description: Bytes sent per second.
              type: int
              sample: 69
        port_min:
          description: First port that migrations arrive at.
          type: int
          sample: 49152
        port_max:
          description: The last one.
          type: int
          sample: 49215
        ports_used:
          description: Those of them that somebody listens on.
          type: list
          elements: int
        ports_used_by:
          description: Who does, as far as the processes of the host may be looked at.
          type: list
          elements: dict
          contains:
            process:
              description: Name of the process.
              type: str
              sample: "python3"
            pid:
              description: Its number.
              type: int
            ports:
              description: The ports.
              type: list
              elements: int
        routes:
          description: The ways to the O(peers).
          type: list
          elements: dict
          contains:
            destination:
              description: The peer.
              type: str
              sample: "10.231.1.12"
            interface:
              description: The interface on the way to it.
              type: str
              sample: "eth1"
            source_address:
              description: The address that it sees.
              type: str
              sample: "10.231.1.11"
            gateway:
              description: The next router, empty when there is none in between.
              type: str
            problem:
              description: Why there is no way.
              type: str
    interfaces:
      description: The network interfaces.
      type: list
      elements: dict
      contains:
        name:
          description: Name.
          type: str
          sample: "eth1"
        kind:
          description: Kind, for example V(ethernet), V(bridge), V(bond) or V(vlan).
          type: str
          sample: "veth"
        physical:
          description: Whether it is hardware.
          type: bool
          sample: false
        up:
          description: Whether it has a link.
          type: bool
          sample: true
        speed_mbit_per_s:
          description: Speed that it reports.
          type: int
          sample: 10000
        duplex:
          description: V(full) or V(half).
          type: str
          sample: "full"
        mtu:
          description: MTU.
          type: int
          sample: 1500
        driver:
          description: Driver of the hardware.
          type: str
        master:
          description: The bridge or bond that it is a port of.
          type: str
        lower:
          description: What it stands on.
          type: list
          elements: str
        vlan_id:
          description: Number of the VLAN.
          type: int
        addresses:
          description: Its addresses.
          type: list
          elements: str
          sample: ["10.231.1.11/24", "fe80::c404:edff:fe73:1be5/64"]
    networks:
      description: The virtual networks of libvirt. V(null) when libvirt does not tell them.
      type: list
      elements: dict
      contains:
        name:
          description: Name.
          type: str
        uuid:
          description: UUID.
          type: str
        active:
          description: Whether it is started.
          type: bool
        autostart:
          description: Whether it starts with the host.
          type: bool
        forward:
          description: How it reaches the outside. Empty for an isolated one.
          type: str
        bridge:
          description: Its bridge.
          type: str
        device:
          description: Its device.
          type: str
        mtu:
          description: MTU, where one is set.
          type: int
        portgroups:
          description: Its port groups.
          type: list
          elements: str
    firewall:
      description: The host's own firewall, as far as it can be read.
      type: dict
      contains:
        kind:
          description: V(none), V(nftables), V(iptables), V(firewalld), V(ufw) or V(unknown).
          type: str
          sample: "iptables"
        openings:
          description: Which ports it lets connections in to.
          type: list
          elements: dict
          contains:
            purpose:
              description: V(migration), V(tcp), V(tls) or V(ssh).
              type: str
              sample: "migration"
            port_min:
              description: First port.
              type: int
              sample: 49152
            port_max:
              description: Last port.
              type: int
              sample: 49215
            verdict:
              description:
                - V(open) when whoever asks gets in at every port of the range, V(closed) when nobody does at any,
                  V(partly) when some do and others do not or when it depends on what cannot be told, or V(unknown).
                - Whoever asks are the O(peers) that are reached by the migration interface, or without peers
                  everybody. The connections arrive by the migration interface at the migration address.
                - Of IPv4 and IPv6, the family of the migration address counts.
              type: str
              sample: "open"
            reason:
              description: Why.
              type: str
            ipv4:
              description: The verdict for IPv4.
              type: str
              sample: "open"
            ipv6:
              description: The verdict for IPv6.
              type: str
              sample: "closed"
    storage:
      description: The storage.
      type: dict
      contains:
        pools:
          description: The storage pools of libvirt. V(null) when libvirt does not tell them.
          type: list
          elements: dict
          contains:
            name:
              description: Name.
              type: str
              sample: "shared"
            uuid:
              description: UUID.
              type: str
              sample: "529aa411-9dc9-4e56-bcb4-b344c4b39736"
            type:
              description: Type.
              type: str
              sample: "dir"
            active:
              description: Whether it is started.
              type: bool
              sample: true
            autostart:
              description: Whether it starts with the host.
              type: bool
              sample: false
            path:
              description: Where it is on the host.
              type: str
              sample: "/var/lib/libvirt/shared"
            source:
              description: Where it comes from.
              type: str
            size_bytes:
              description: Its size.
              type: int
              sample: 270553174016
            free_bytes:
              description: What is free.
              type: int
              sample: 246548021248
        filesystems:
          description: File systems that guests' disks and pools are on, and all network file systems.
          type: list
          elements: dict
          contains:
            mount_point:
              description: Where it is mounted.
              type: str
              sample: "/var/lib/libvirt/shared"
            source:
              description: What is mounted.
              type: str
              sample: "/dev/vda"
            fs_type:
              description: Type.
              type: str
              sample: "ext4"
            shared:
              description: Whether it is of a type that several hosts have at once.
              type: bool
              sample: false
            read_only:
              description: Whether it is mounted read-only.
              type: bool
              sample: false
            size_bytes:
              description: Its size.
              type: int
              sample: 270553174016
            free_bytes:
              description: What is free.
              type: int
              sample: 84938739712
            root:
              description: Directory of it that is mounted there. For a bind mount not V(/).
              type: str
              sample: "/"
    tls:
      description: The certificates.
      type: dict
      contains:
        migration_directory:
          description: Where QEMU looks for the certificates of migrations.
          type: str
          sample: "/etc/pki/qemu"
        files:
          description: The files, whether they are there or not.
          type: list
          elements: dict
          contains:
            path:
              description: Path.
              type: str
              sample: "/etc/pki/qemu/ca-cert.pem"
            role:
              description: V(ca), V(server), V(server-key), V(client) or V(client-key).
              type: str
              sample: "ca"
            purpose:
              description: V(migration) for QEMU's, V(daemon) for libvirt's.
              type: str
              sample: "migration"
            present:
              description: Whether it is there.
              type: bool
              sample: false
            readable:
              description: Whether it can be read.
              type: bool
              sample: false
            not_before_epoch_s:
              description: When it begins to be valid, in seconds since 1970.
              type: int
            not_after_epoch_s:
              description: When it ends to be valid.
              type: int
            names:
              description: The names and addresses that it is for, as GnuTLS sees it.
              type: list
              elements: str
            problem:
              description: What is wrong with it.
              type: str
    security:
      description: What confines QEMU, and whether post-copy can work.
      type: dict
      contains:
        drivers:
          description: Security drivers of libvirt.
          type: list
          elements: str
          sample: ["none", "dac"]
        selinux:
          description: V(enforcing), V(permissive), or empty where there is no SELinux.
          type: str
        qemu_user:
          description: User that QEMU runs as, as libvirt's label has it.
          type: str
          sample: "+0"
        userfaultfd:
          description: What post-copy needs on the destination.
          type: dict
          contains:
            kernel:
              description: Whether the kernel has it. Not known (V(none)) for kernels without a switch for it.
              type: bool
              sample: true
            unprivileged_sysctl:
              description: C(vm.unprivileged_userfaultfd).
              type: int
              sample: 0
            device:
              description: Whether there is C(/dev/userfaultfd).
              type: bool
              sample: true
            usable:
              description: Whether QEMU can use it.
              type: bool
              sample: true
            reason:
              description: Why, or why not.
              type: str
              sample: "QEMU runs as root"
    clock:
      description: The clock.
      type: dict
      contains:
        epoch_s:
          description: The host's time, in seconds since 1970.
          type: float
          sample: 1795619320.372
        synchronised:
          description: Whether the kernel knows that something keeps it right.
          type: bool
          sample: false
        max_error_ms:
          description: How wrong it may be by what the kernel knows.
          type: float
          sample: 16000.0
        offset_ms:
          description: How much it is ahead of O(reference_epoch_s).
          type: float
          sample: 863.3
    network_filters:
      description: The names of libvirt's network filters. Null where libvirt does not say.
      type: list
      elements: str
      sample: ['clean-traffic']
    secrets:
      description: >-
        The names of libvirt's secrets, each as C(uuid:) with its UUID and, where it has one, as C(usage:) with its
        usage. Null where libvirt does not say.
      type: list
      elements: str
      sample: ['uuid:5b9ff4e8-9f5e-4a4c-8d1b-2f6b9d6f0c11', 'usage:client.libvirt']
    domains:
      description: The guests, running or not.
      type: list
      elements: dict
      contains:
        name:
          description: Name.
          type: str
          sample: "erp01"
        uuid:
          description: UUID.
          type: str
          sample: "37762734-47c2-414d-a745-8bd0704f36ab"
        state:
          description: State.
          type: str
          sample: "running"
        state_reason:
          description: Why it is in that state.
          type: str
          sample: "booted"
        persistent:
          description: Whether it stays defined when it is stopped.
          type: bool
          sample: true
        autostart:
          description: Whether it starts with the host.
          type: bool
          sample: false
        type:
          description: V(kvm) or V(qemu).
          type: str
          sample: "qemu"
        arch:
          description: Architecture.
          type: str
          sample: "x86_64"
        machine:
          description: Machine type.
          type: str
          sample: "pc-q35-7.2"
        emulator:
          description: The program.
          type: str
          sample: "/usr/bin/qemu-system-x86_64"
        firmware:
          description: V(bios) or V(efi).
          type: str
          sample: "bios"
        nvram:
          description: File with the variables of its firmware.
          type: str
        nvram_type:
          description: V(file), V(block) or V(network). Empty for a file.
          type: str
        nvram_template:
          description: File that they are made from, if it is named.
          type: str
        loader:
          description: File with its firmware.
          type: str
        vcpus:
          description: Virtual processors at most.
          type: int
          sample: 1
        vcpus_current:
          description: Those that are plugged in.
          type: int
          sample: 1
        pinned:
          description: Whether threads of it are bound to processors of the host.
          type: bool
          sample: false
        pinned_cpus:
          description: Processors of the host that its virtual processors, emulator and I/O threads are bound to.
          type: list
          elements: int
        cpu:
          description: The processor that it sees.
          type: dict
          contains:
            mode:
              description: >-
                V(custom), V(host-model), V(host-passthrough), V(maximum), or empty for the default of the emulator.
              type: str
              sample: "maximum"
            model:
              description: Model.
              type: str
            vendor:
              description: Vendor.
              type: str
            check:
              description: How libvirt checks it.
              type: str
              sample: "none"
            migratable:
              description: Whether features that cannot be migrated are left out.
              type: bool
            features:
              description: Features on top of the model.
              type: list
              elements: dict
              contains:
                name:
                  description: Name.
                  type: str
                policy:
                  description: Policy.
                  type: str
            tsc_frequency_hz:
              description: Frequency of its time stamp counter, where one is set.
              type: int
            xml:
              description: The same in libvirt's words.
              type: str
              sample: "<cpu mode=\"maximum\" check=\"none\" />"
        memory:
          description: Its memory.
          type: dict
          contains:
            total_bytes:
              description: All of it.
              type: int
              sample: 201326592
            current_bytes:
              description: What the balloon leaves it.
              type: int
              sample: 201326592
            hugepages:
              description: Whether it is in hugepages.
              type: bool
              sample: false
            hugepage_size_bytes:
              description: Their size, where one is named.
              type: int
            nodes:
              description: NUMA nodes of the host that it is bound to.
              type: list
              elements: int
            node_mode:
              description: How strictly.
              type: str
            locked:
              description: Whether it may not be swapped.
              type: bool
              sample: false
            shared:
              description: Whether other processes can see it.
              type: bool
              sample: false
            source:
              description: V(anonymous), V(file) or V(memfd).
              type: str
            nvdimm:
              description: Whether it has an NVDIMM.
              type: bool
              sample: false
            cells:
              description: >-
                Its NUMA nodes and plugged-in modules, where some are in other pages, or bound to other nodes, than the
                rest.
              type: list
              elements: dict
              contains:
                cell:
                  description: Number of the node in the guest.
                  type: int
                size_bytes:
                  description: Size.
                  type: int
                hugepages:
                  description: Whether it is in hugepages.
                  type: bool
                hugepage_size_bytes:
                  description: Their size, where one is named.
                  type: int
                nodes:
                  description: NUMA nodes of the host that it is bound to.
                  type: list
                  elements: int
                node_mode:
                  description: How strictly.
                  type: str
        balloon:
          description: Its balloon device, and what the driver in the guest tells regularly of its memory.
          type: dict
          contains:
            model:
              description: V(virtio), V(none), or another one.
              type: str
              sample: virtio
            autodeflate:
              description: Whether it lets go by itself when the guest runs out of memory.
              type: bool
            free_page_reporting:
              description: Whether the host gets back what the guest frees.
              type: bool
            period_s:
              description: How often the guest tells figures, in seconds. V(0) for only once, at its start.
              type: int
              sample: 5
            available_bytes:
              description: What its kernel has to give out in all. Empty, as the next ones, where no figures are fresh.
              type: int
            usable_bytes:
              description: What its programs could use more without swapping, its caches counted.
              type: int
            unused_bytes:
              description: What nobody uses, not even as a cache.
              type: int
        disks:
          description: Its disks.
          type: list
          elements: dict
          contains:
            target:
              description: Name in the guest.
              type: str
              sample: "vda"
            device:
              description: V(disk), V(cdrom), V(floppy) or V(lun).
              type: str
              sample: "disk"
            type:
              description: Type of the source. Empty for an empty drive.
              type: str
              sample: "file"
            source:
              description: Path, C(protocol:name), or C(pool/volume).
              type: str
              sample: "/var/lib/libvirt/images/37762734-47c2-414d-a745-8bd0704f36ab.img"
            hosts:
              description: Servers of a network disk.
              type: list
              elements: str
            format:
              description: Format.
              type: str
              sample: "raw"
            cache:
              description: Cache mode.
              type: str
            bus:
              description: Bus.
              type: str
              sample: "virtio"
            readonly:
              description: Whether it is read-only.
              type: bool
              sample: false
            shareable:
              description: Whether several guests may have it.
              type: bool
              sample: false
            transient:
              description: Whether changes are thrown away.
              type: bool
              sample: false
            size_bytes:
              description: Size that the guest sees.
              type: int
              sample: 33554432
            allocated_bytes:
              description: What it takes on the host.
              type: int
              sample: 33554432
            mirror:
              description: Whether a block job copies it.
              type: bool
              sample: false
            backing_chain:
              description: Files that it is based on.
              type: list
              elements: str
            images:
              description: What it is made of beside its own image and the files that it is based on.
              type: list
              elements: dict
              contains:
                purpose:
                  description: V(base) for what it is based on, V(data) for a file with its data.
                  type: str
                type:
                  description: Type, as of a disk.
                  type: str
                source:
                  description: File, device, volume, or what it is called on its server.
                  type: str
                hosts:
                  description: Servers of one that is reached over the network.
                  type: list
                  elements: str
            by_descriptor:
              description: Whether a program has opened it and handed it to libvirt.
              type: bool
              sample: false
            fs_type:
              description: Type of the file system that it is on.
              type: str
              sample: "tmpfs"
            mount_point:
              description: Where that is mounted.
              type: str
              sample: "/var/lib/libvirt/images"
            mount_source:
              description: What is mounted there.
              type: str
              sample: "tmpfs"
            mount_root:
              description: Directory of that file system which is mounted there.
              type: str
              sample: "/"
        interfaces:
          description: Its network interfaces.
          type: list
          elements: dict
          contains:
            mac:
              description: Address.
              type: str
            type:
              description: Type.
              type: str
            network:
              description: Network of libvirt.
              type: str
            portgroup:
              description: Port group of it.
              type: str
            bridge:
              description: Bridge.
              type: str
            device:
              description: Device of the host.
              type: str
            target:
              description: Its other end on the host.
              type: str
            model:
              description: Model.
              type: str
            mtu:
              description: MTU, where one is set.
              type: int
            virtualport:
              description: Type of the virtual port.
              type: str
            filter:
              description: The network filter of libvirt that it has.
              type: str
            teaming:
              description: Part in a failover pair.
              type: str
            managed:
              description: Whether libvirt makes the other end itself, where that is said.
              type: bool
        host_devices:
          description: Devices of the host that it holds.
          type: list
          elements: dict
          contains:
            type:
              description: V(pci), V(usb), V(scsi), V(mdev), V(net) or V(vdpa).
              type: str
            address:
              description: Address.
              type: str
            vgpu_model:
              description: Model of a mediated device.
              type: str
            managed:
              description: Whether libvirt takes it from the host and gives it back.
              type: bool
            teaming:
              description: Whether it is unplugged for a migration, with another interface in its place.
              type: bool
            driver:
              description: Driver.
              type: str
            startup_policy:
              description: Whether a USB device must be there, V(mandatory), V(requisite) or V(optional).
              type: str
            protocol:
              description: V(iscsi) for a SCSI device that QEMU itself reaches over the network.
              type: str
        shared_directories:
          description: Directories that it shares with the host.
          type: list
          elements: dict
          contains:
            driver:
              description: Driver.
              type: str
            source:
              description: Directory of the host.
              type: str
            target:
              description: Name in the guest.
              type: str
        shared_memory:
          description: Memory that it shares with others.
          type: list
          elements: dict
          contains:
            name:
              description: Name.
              type: str
            model:
              description: Model.
              type: str
            role:
              description: Role.
              type: str
        tpm:
          description: Its TPM, if it has one.
          type: dict
          contains:
            version:
              description: Version.
              type: str
            backend:
              description: V(emulator), V(passthrough) or V(external).
              type: str
            state_path:
              description: Where its state is, where that is named.
              type: str
            encrypted:
              description: Whether its state is encrypted with a secret of libvirt's.
              type: bool
        more_tpms:
          description: Further TPMs, with the same fields.
          type: list
          elements: dict
          contains:
            version:
              description: Version.
              type: str
            backend:
              description: V(emulator), V(passthrough) or V(external).
              type: str
            state_path:
              description: Where its state is, where that is named.
              type: str
            encrypted:
              description: Whether its state is encrypted with a secret of libvirt's.
              type: bool
        graphics:
          description: Its consoles.
          type: list
          elements: dict
          contains:
            type:
              description: Type.
              type: str
            listen:
              description: Address.
              type: str
            port:
              description: Port.
              type: int
            autoport:
              description: Whether libvirt chooses the port.
              type: bool
            listen_type:
              description: V(address), V(network), V(socket) or V(none).
              type: str
            network:
              description: Network of libvirt that the address is from.
              type: str
            sent:
              description: Whether libvirt sends the address when it migrates the guest. Null when that is not known.
              type: bool
        boot_files:
          description: >-
            Files that QEMU reads when it starts: kernel, initial RAM disk, device tree, ACPI tables, ROMs and the like.
          type: list
          elements: str
          sample: ["/var/lib/libvirt/memguest/dbaf1bf39e7f876a/vmlinuz"]
        host_files:
          description: Other files of the host that its devices name.
          type: list
          elements: str
        needed_files:
          description: Files, sockets and devices of the host that must be there before it can be started.
          type: list
          elements: str
        endpoints:
          description: Where its serial devices and interfaces wait for connections.
          type: list
          elements: dict
          contains:
            device:
              description: Kind of the device.
              type: str
            protocol:
              description: V(tcp) or V(udp).
              type: str
            address:
              description: Address of the host.
              type: str
            port:
              description: Port.
              type: int
        secrets:
          description: >-
            Secrets of libvirt that its disks and its TPM need, as V(uuid:...) or V(usage:...).
          type: list
          elements: str
        vsock_cid:
          description: Its address for sockets between guest and host, where it is fixed.
          type: int
        not_looked_at:
          description: Kinds of devices in its definition that no check looks at.
          type: list
          elements: str
        unmigratable:
          description: Devices, image formats and features whose state QEMU does not send.
          type: list
          elements: str
        security_labels:
          description: Its security labels.
          type: list
          elements: dict
          contains:
            model:
              description: Security driver.
              type: str
              sample: "dac"
            type:
              description: V(dynamic), V(static) or V(none).
              type: str
              sample: "dynamic"
            label:
              description: Label.
              type: str
              sample: "+0:+0"
        launch_security:
          description: Memory encryption, for example V(sev).
          type: str
        qemu_arguments:
          description: Whether arguments are passed to QEMU past libvirt.
          type: bool
          sample: true
        dirty_ring:
          description: Whether it was given a dirty ring.
          type: bool
          sample: false
        guest_agent:
          description: Whether it has a channel for the guest agent.
          type: bool
          sample: false
        snapshots:
          description: How many snapshots it has.
          type: int
          sample: 0
        checkpoints:
          description: How many checkpoints it has.
          type: int
          sample: 0
        resident_bytes:
          description:
            - Memory that the host has really given to the guest, which is about what a migration has to send.
            - Where the mappings of its process may not be read, the size of the process, with what QEMU itself needs.
          type: int
          sample: 231198720
        slowed_down:
          description:
            - Whether the quotas of its virtual processors were lowered for a migration, and have not been put back yet.
            - Null where that is not known, as of a guest of another host (O(uri)), or without the rights of root.
          type: bool
          sample: false
        job:
          description:
            - What keeps it busy, for example V(migration out) or V(backup). Empty when nothing does.
            - Null where that is not known, as of a guest of another host (O(uri)), or where libvirt's status file of it
              could not be read.
          type: str
        title:
          description: Title.
          type: str
        description:
          description: Description.
          type: str
        metadata:
          description: Its metadata, by namespace, as XML.
          type: dict
    cordoned:
      description:
        - Whether the host takes no guests, as M(virtops.live_migration.host_cordon) notes it. Empty where it is not
          known.
      type: bool
    problems:
      description: What could not be found out, and why. Each is a warning too.
      type: list
      elements: str
reason:
  description: Why it failed, as a stable code. The message says the same in words, with what to do next.
  returned: failure
  type: str
  sample: CONNECTION_FAILED
state:
  description: What state the failure leaves things in.
  returned: failure
  type: str
  sample: Nothing was changed.
remedy:
  description: What to do next.
  returned: failure
  type: str
evidence:
  description: The facts behind a failure, for example the code and the text of the error of libvirt.
  returned: failure
  type: dict
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._ansible.gather import gather
from ..module_utils._ansible.runner import Result, run
from ..module_utils._host.cordon_fact import DIRECTORY
from ..module_utils._host.document import HostDocumentOptions
from ..module_utils._libvirt.connection import Connection

OPTIONS: dict[str, t.Any] = {
    "migration_address": {"type": "str", "default": ""},
    "peers": {"type": "list", "elements": "str", "default": []},
    "load_window_s": {"type": "float", "default": 1.0},
    "reference_epoch_s": {"type": "float"},
    "domains": {"type": "bool", "default": True},
    "fact_path": {"type": "path", "default": DIRECTORY},
}


def work(module: AnsibleModule, connection: Connection) -> Result:
    names = ("migration_address", "peers", "load_window_s", "reference_epoch_s", "fact_path")
    options = HostDocumentOptions(**{name: module.params[name] for name in names})
    host = gather(module, connection, options, with_guests=module.params["domains"])
    for problem in host.problems:
        module.warn(problem)
    return {"changed": False, "host": host.document()}


def main() -> None:
    run(OPTIONS, work)


if __name__ == "__main__":
    main()
