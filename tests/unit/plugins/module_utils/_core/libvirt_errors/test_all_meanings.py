# SPDX-License-Identifier: GPL-3.0-or-later


from __future__ import annotations

import json
import re

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.libvirt_errors.all_meanings import (
    FALLBACK,
    MEANINGS,
    SUBJECTS,
    meaning_of,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._core.libvirt_errors.codes import Err
from ansible_collections.virtops.live_migration.tests.unit.plugins.captured_texts import captured

LOCK = "cannot acquire state change lock"


INVALID = "Requested operation is not valid: "


COMMAND = "internal error: unable to execute QEMU command "
JOB = "operation failed: job 'migration out' failed: "
ENDED = "internal error: QEMU unexpectedly closed the monitor (vm='erp01'): 2026-01-01T00:00:00.0Z qemu-system-x86_64: "

# What QEMU says, of 7.2 and of newer ones
OF_QEMU = [
    (1, COMMAND + "'migrate': There's a migration process in progress", "ALREADY_MIGRATING"),
    (1, COMMAND + "'migrate': Guest is waiting for an incoming migration", "INCOMING"),
    (1, COMMAND + "'migrate-incoming': The incoming migration has already been started", "INCOMING"),
    (1, COMMAND + "'migrate-incoming': An incoming migration has already been started", "INCOMING"),
    (1, COMMAND + "'migrate-recover': Migrate recover can only be run when postcopy is paused.", "NOTHING_TO_RECOVER"),
    (
        1,
        COMMAND + "'migrate-pause': migrate-pause is currently only supported during postcopy-active",
        "NOT_IN_POSTCOPY",
    ),
    (1, COMMAND + "'migrate': Process can't lock enough memory for using MSG_ZEROCOPY", "HOST_SETUP"),
    (9, JOB + "Process can't lock enough memory for using MSG_ZEROCOPY: No buffer space available", "HOST_SETUP"),
    (9, JOB + "Requested Zero Copy feature is not available: Invalid argument", "NOT_SUPPORTED"),
    (
        1,
        COMMAND + "'migrate-set-parameters': Parameter 'multifd-compression' does not accept value 'qatzip'",
        "NOT_SUPPORTED",
    ),
    (1, ENDED + "Postcopy needs matching RAM page sizes (s=200000 d=1000)", "POSTCOPY_NOT_SUPPORTED"),
    (1, ENDED + "Postcopy needs matching target page sizes (s=4096 d=16384)", "POSTCOPY_NOT_SUPPORTED"),
    (9, JOB + "multifd: received packet magic 5145564d and expected magic 11223344", "INCOMPATIBLE"),
    (1, ENDED + "multifd: received packet magic 5145564d expected 11223344", "INCOMPATIBLE"),
    (1, ENDED + "multifd: received packet version 2 expected 1", "INCOMPATIBLE"),
    (
        1,
        ENDED + "get_pci_config_device: Bad config data: i=0x10 read: 61 device: 1 cmask: ff wmask: c0",
        "INCOMPATIBLE",
    ),
    (1, ENDED + "Failed to load virtio-net:virtio", "INCOMPATIBLE"),
    (9, JOB + "Bitmap 'b0' is currently in use by another operation and cannot be used", "BUSY"),
    (9, JOB + "0000:3b:00.0: Failed to set device state 0x3", "MIGRATION_FAILED"),
    (9, JOB + "0000:3b:00.0: Failed to set device state STOP_COPY, err: Device or resource busy", "MIGRATION_FAILED"),
    (9, "operation failed: migration of disk vda failed: Input/output error", "MIGRATION_FAILED"),
    (9, "operation failed: migration of disk vda failed", "MIGRATION_FAILED"),
]


@pytest.mark.parametrize(("code", "text", "reason"), OF_QEMU)
def test_what_qemu_says(code: int, text: str, reason: str) -> None:
    found = meaning_of(code, text)
    assert found.reason == reason
    # Its own row, and not the one for whatever else a migration or a QEMU may fail with.
    assert found in dict(SUBJECTS)["What QEMU says of a migration"]


@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        (9, "operation failed: migration of disk vda failed: No space left on device", "STORAGE_FULL"),
        (1, ENDED + 'Failed to get "write" lock\nIs another process using the image [/srv/a.qcow2]?', "STORAGE_LOCKED"),
        (9, JOB + "Unable to write to socket: Broken pipe", "STREAM_BROKEN"),
    ],
)
def test_what_is_more_specific_comes_first(code: int, text: str, reason: str) -> None:
    assert meaning_of(code, text).reason == reason


# What was taken for something else: a word of the pattern within another word, or of another matter.
OF_ANOTHER_MATTER = [
    (
        1,
        ENDED
        + "Non-same host page detected on channel 0: Target host page 0x7f1, received host page 0x7f2"
        + " (rb pc.ram offset 0x1000 target_pages 1)",
        "INCOMPATIBLE",
    ),
    (1, ENDED + "Userfault on this host does not support huge pages", "POSTCOPY_NOT_SUPPORTED"),
    (1, ENDED + "postcopy_ram_supported_by_host: UFFDIO_API failed: Invalid argument", "POSTCOPY_NOT_SUPPORTED"),
    (1, ENDED + "postcopy: Failed to open userfault fd: Operation not permitted", "POSTCOPY_NOT_SUPPORTED"),
    (
        1,
        COMMAND + "'migrate': 0000:3b:00.0: VFIO migration is not supported with postcopy migration",
        "POSTCOPY_NOT_SUPPORTED",
    ),
    (1, COMMAND + "'blockdev-add': Block driver 'gluster' not found or not supported", "LIBVIRT_ERROR"),
    (1, "internal error: virtio-serial controller 3 not available", "LIBVIRT_ERROR"),
    (
        1,
        "internal error: Cannot automatically add a new PCI bus for a device with connect flags 0x12",
        "LIBVIRT_ERROR",
    ),
    (38, "cannot connect to netlink socket with protocol 0: Operation not permitted", "SYSTEM_ERROR"),
    (1, "internal error: vfio migration was active, but 'transferred' data was missing", "LIBVIRT_ERROR"),
    (
        9,
        JOB + "0000:3b:00.0: Failed setting device state to STOP_COPY. Setting device in recover state RUNNING",
        "MIGRATION_FAILED",
    ),
    (1, ENDED + "vfio_mig_read 8 byte : failed at offset 0x0, err: Input/output error", "MIGRATION_FAILED"),
    (1, ENDED + "0000:3b:00.0: vfio_load_device_config_state() failed: -22", "MIGRATION_FAILED"),
    (
        1,
        COMMAND + "'migrate': 0000:3b:00.0: VFIO device doesn't support device and IOMMU dirty tracking",
        "NOT_MIGRATABLE",
    ),
    (
        1,
        COMMAND + "'migrate': 0000:3b:00.0: Migration couldn't be initialized for VFIO device, err: -19",
        "NOT_MIGRATABLE",
    ),
    (
        1,
        COMMAND + "'migrate': 'hv-passthrough' CPU flag prevents migration, use explicit set of hv-*",
        "NOT_MIGRATABLE",
    ),
    (1, ENDED + "VFIO_MAP_DMA failed: Cannot allocate memory", "HOST_SETUP"),
    (1, ENDED + "vfio_dma_map(0x55, 0xc0000, 0x7fff40000, 0x7f) = -12 (Cannot allocate memory)", "HOST_SETUP"),
    (1, ENDED + "SEV: Failed to export PDH cert ret=-1 fw_err=0 (Success)", "QEMU_DIED"),
    (
        1,
        COMMAND + "'sev-inject-launch-secret': SEV: no secret area found in OVMF, gpa must be specified.",
        "LIBVIRT_ERROR",
    ),
    (
        1,
        COMMAND
        + "'set-vcpu-dirty-limit': dirty page limit feature requires KVM with accelerator property"
        + " 'dirty-ring-size' set",
        "NOT_SUPPORTED",
    ),
    (
        1,
        COMMAND + "'migrate-set-capabilities': Capability 'switchover-ack' requires capability 'return-path'",
        "NOT_SUPPORTED",
    ),
    (1, COMMAND + "'migrate-set-capabilities': Multifd must be set before incoming starts", "NOT_SUPPORTED"),
    (
        1,
        COMMAND + "'migrate-start-postcopy': Enable postcopy with migrate_set_capability before the start of migration",
        "POSTCOPY_NOT_ENABLED",
    ),
    (1, COMMAND + "'migrate': Cannot resume if there is no paused migration", "NOTHING_TO_RECOVER"),
    (1, COMMAND + "'migrate': Can't migrate the vm that was paused due to previous migration", "NOT_NOW"),
    (1, COMMAND + "'migrate': SEV: Migration is not implemented", "NOT_MIGRATABLE"),
    (1, ENDED + "qemu_prealloc_mem: preallocating memory failed: Bad address", "DESTINATION_MEMORY"),
    (1, ENDED + "failed to resize memfd to 4294967296: No space left on device", "DESTINATION_MEMORY"),
    (1, ENDED + "Could not open '/var/lib/libvirt/qemu/nvram/erp01_VARS.fd': Permission denied", "FIRMWARE_MISSING"),
    (1, ENDED + "not enough space, currently 0x0 in use of total space for memory devices 0x0", "QEMU_DIED"),
    (9, "operation failed: migration of disk vda failed: Connection timed out", "MIGRATION_FAILED"),
    (9, "operation failed: migration of disk vda failed: Broken pipe", "MIGRATION_FAILED"),
    (1, ENDED + "error reading header from erp01: No such file or directory", "STORAGE_MISSING"),
    (
        1,
        ENDED + "qcow2: Marking image as corrupt: L2 table offset 0x42 unaligned (L1 index: 0)",
        "STORAGE_MISMATCH",
    ),
    (
        38,
        (
            "End of file while reading data: virt-ssh-helper: cannot connect to 'qemu:///system': authentication"
            " unavailable: no polkit agent available to authenticate action 'org.libvirt.unix.manage':"
            " Input/output error"
        ),
        "NOT_PERMITTED",
    ),
    (
        38,
        (
            "End of file while reading data: socat[4711] E connect(5, AF=1 /var/run/libvirt/libvirt-sock, 31): No such"
            " file or directory: Input/output error"
        ),
        "CONNECTION_FAILED",
    ),
    (38, "Failed to acquire pid file '/run/swtpm.pid': Resource temporarily unavailable", "SYSTEM_ERROR"),
    (9, "operation failed: domain 'erp01' is already being removed", "BUSY"),
    (9, "operation failed: network 'blue' already exists with uuid 1f3c", "OPERATION_FAILED"),
    (9, "operation failed: pool 'images' is already defined with uuid 1f3c", "OPERATION_FAILED"),
    (55, INVALID + "domain is already running", "ALREADY_RUNNING"),
    (74, "argument unsupported: QEMU guest agent is not configured", "NO_AGENT"),
    (97, "guest agent replied with wrong id to guest-sync command: 12", "AGENT_SILENT"),
    (112, "guest agent command timed out: agent did not answer", "AGENT_SILENT"),
    (113, "guest agent command failed: unable to execute QEMU agent command 'guest-exec'", "AGENT_REFUSES"),
    (76, "Storage pool already built: Device '/dev/sdb' already formatted using 'ext4'", "LIBVIRT_ERROR"),
]


@pytest.mark.parametrize(("code", "text", "reason"), OF_ANOTHER_MATTER)
def test_each_text_is_of_its_own_matter(code: int, text: str, reason: str) -> None:
    assert meaning_of(code, text).reason == reason


def test_an_aborted_migration_is_not_told_as_a_completed_one() -> None:
    """VIR_ERR_MIGRATE_FINISH_OK: the destination's step succeeded, which was to let go of the guest."""
    row = meaning_of(93, "migration successfully aborted")
    assert "source" in row.state
    assert "destination" not in row.state


# code, text, reason
ENGLISH = [
    (55, INVALID + "domain is not running", "GUEST_NOT_RUNNING"),
    (9, "operation failed: domain is not running", "GUEST_NOT_RUNNING"),
    (42, "Domain not found: no domain with matching name 'erp01'", "GUEST_NOT_FOUND"),
    (42, "Domain not found: no domain with matching uuid '1f3c'", "GUEST_NOT_FOUND"),
    (55, INVALID + "no job is active on the domain", "NO_JOB"),
    (55, INVALID + "cannot abort incoming migration; use virDomainDestroy instead", "INCOMING"),
    (
        68,
        f"Timed out during operation: {LOCK} (held by monitor=remoteDispatchDomainMigratePrepare3Params)",
        "INCOMING",
    ),
    (55, INVALID + "cannot abort migration in post-copy mode", "POSTCOPY_RUNNING"),
    (55, INVALID + "current job is not outgoing migration in post-copy mode", "NOT_IN_POSTCOPY"),
    (
        55,
        INVALID + "switching to post-copy requires migration to be started with VIR_MIGRATE_POSTCOPY flag",
        "POSTCOPY_NOT_ENABLED",
    ),
    (
        1,
        "internal error: qemu unexpectedly closed the monitor: qemu-system-x86_64: Cannot read from TLS channel",
        "TLS_FAILED",
    ),
    (
        9,
        "operation failed: job 'migration out' failed: Certificate does not match the hostname 10.231.3.12",
        "TLS_FAILED",
    ),
    (55, INVALID + "post-copy can only be started while outgoing migration is in progress", "NO_JOB"),
    (
        1,
        "internal error: unable to execute QEMU command 'migrate-set-capabilities': Postcopy is not supported",
        "POSTCOPY_NOT_SUPPORTED",
    ),
    (
        1,
        (
            "internal error: unable to execute QEMU command 'migrate-set-capabilities': Postcopy is not supported:"
            " Userfaultfd not available: Operation not permitted"
        ),
        "POSTCOPY_NOT_SUPPORTED",
    ),
    (
        1,
        (
            "internal error: unable to execute QEMU command 'migrate-set-capabilities':"
            " Postcopy is not yet compatible with multifd"
        ),
        "POSTCOPY_WITH_PARALLEL",
    ),
    (84, "Operation not supported: migration statistics are available only on the source host", "INCOMING"),
    (68, f"Timed out during operation: {LOCK} (held by monitor=remoteDispatchDomainBackupBegin)", "BUSY"),
    (9, f"operation failed: {LOCK} due to max_queued limit", "BUSY"),
    (55, INVALID + "another migration job is already running for domain 'erp01'", "ALREADY_MIGRATING"),
    (55, INVALID + "QEMU reports migration is still running", "POSTCOPY_RUNNING"),
    (55, INVALID + "migration of domain erp01 is not in post-copy phase", "NOTHING_TO_RECOVER"),
    (55, INVALID + "migration of domain erp01 has not failed", "NOTHING_TO_RECOVER"),
    (
        55,
        INVALID + "migration of domain erp01 is being actively monitored by another thread",
        "NOTHING_TO_RECOVER",
    ),
    (55, INVALID + "domain 'erp01' is not being migrated", "NOTHING_TO_RECOVER"),
    (74, "argument unsupported: domain 'erp01' is not being migrated", "NOTHING_TO_RECOVER"),
    (78, "operation aborted: job 'migration out' canceled by client", "CANCELLED"),
    (78, "operation aborted: migration out job: canceled by client", "CANCELLED"),
    (78, "operation aborted: migration out: canceled by client", "CANCELLED"),
    (9, "operation failed: job 'migration out' failed: Unable to write to socket: Broken pipe", "STREAM_BROKEN"),
    (
        9,
        "operation failed: job 'migration out' failed: Unable to write to socket: Bad file descriptor",
        "STREAM_BROKEN",
    ),
    (9, "operation failed: migration out job: unexpectedly failed", "MIGRATION_FAILED"),
    (
        9,
        (
            "operation failed: migration failed. Message from the source host: operation failed: job 'migration out'"
            " failed: Unable to write to socket: Connection reset by peer. Message from the destination host:"
            " operation failed: job 'migration in' failed: load of migration failed: Input/output error"
        ),
        "STREAM_BROKEN",
    ),
    # The stream was cut while the source stood still for the last pass, in the lab.
    (
        1,
        (
            "internal error: qemu unexpectedly closed the monitor: 2026-11-30T13:45:28.587906Z qemu-system-x86_64:"
            " error while loading state section id 3(ram)\n2026-11-30T13:45:28.587995Z qemu-system-x86_64: load of"
            " migration failed: Input/output error"
        ),
        "STREAM_BROKEN",
    ),
    (
        1,
        (
            "internal error: QEMU unexpectedly closed the monitor (vm='erp01'): 2026-11-30T13:45:28.587906Z"
            " qemu-system-x86_64: error while loading state for instance 0x0 of device '0000:00:03.0/virtio-net'\n"
            "2026-11-30T13:45:28.587995Z qemu-system-x86_64: load of migration failed: Operation not permitted"
        ),
        "INCOMPATIBLE",
    ),
    (
        1,
        (
            "internal error: QEMU unexpectedly closed the monitor (vm='erp01'): 2026-11-30T13:45:28.587906Z"
            " qemu-system-x86_64: tpm-emulator: Setting the stateblob (type 1) failed with a TPM error 0x21 decryption"
            " error\nqemu-system-x86_64: error while loading state for instance 0x0 of device 'tpm-emulator'\n"
            "qemu-system-x86_64: load of migration failed: Input/output error"
        ),
        "HOST_SETUP",
    ),
    (9, "operation failed: job 'migration out' failed in post-copy phase", "POSTCOPY_BROKEN"),
    (9, "operation failed: migration out job: post-copy phase failed", "POSTCOPY_BROKEN"),
    # A disk of the guest, not the connection: libvirt says so when QEMU has paused the guest at an I/O error.
    (9, "operation failed: job 'migration out' failed due to I/O error", "NOT_MIGRATABLE"),
    (9, "operation failed: job 'migration out' failed: Channel error: Input/output error", "STREAM_BROKEN"),
    (9, "operation failed: migration out job: failed due to I/O error", "NOT_MIGRATABLE"),
    (
        1,
        (
            "internal error: QEMU unexpectedly closed the monitor (vm='erp01'): 2026-11-23T14:00:00Z"
            " qemu-system-x86_64: Mismatched RAM page size pc.ram (local) 2097152 != 4096"
        ),
        "INCOMPATIBLE",
    ),
    (9, "operation failed: something else", "OPERATION_FAILED"),
    (9, "operation failed: Lost connection to destination host", "CONNECTION_LOST"),
    (1, "internal error: client socket is closed", "CONNECTION_LOST"),
    (1, "internal error: connection closed due to keepalive timeout", "CONNECTION_LOST"),
    (38, "End of file while reading data: Input/output error", "CONNECTION_LOST"),
    (38, "Cannot recv data: Connection reset by peer", "CONNECTION_LOST"),
    (
        1,
        (
            "internal error: qemu unexpectedly closed the monitor: 2026-11-23T14:00:00Z qemu-system-x86_64:"
            " load of migration failed: Invalid argument"
        ),
        "QEMU_DIED",
    ),
    (1, "internal error: QEMU unexpectedly closed the monitor (vm='erp01')", "QEMU_DIED"),
    (1, "internal error: guest unexpectedly quit", "QEMU_DIED"),
    (38, "Unable to read from monitor: Connection reset by peer", "QEMU_DIED"),
    (3, "this function is not supported by the connection driver: virDomainGetJobStats", "NOT_SUPPORTED"),
    (8, "unsupported flags (0x80000) in function qemuDomainMigratePerform3Params", "NOT_SUPPORTED"),
    (74, "argument unsupported: parameter 'bandwidth.avail.switchover' not supported", "NOT_SUPPORTED"),
    (
        74,
        "argument unsupported: Migration option 'compress' is not supported by QEMU binary",
        "NOT_SUPPORTED",
    ),
    (8, "invalid argument: Turn auto convergence on to tune it", "OPTION_NEEDS_ANOTHER"),
    (8, "invalid argument: Turn parallel migration on to tune it", "OPTION_NEEDS_ANOTHER"),
    (8, "invalid argument: Turn xbzrle compression on to tune it", "OPTION_NEEDS_ANOTHER"),
    (8, "invalid argument: uuidstr must be a valid UUID", "INVALID_ARGUMENT"),
    (67, "unsupported configuration: seconds=0 is invalid, please choose value within [1, 60].", "INVALID_ARGUMENT"),
    (82, "numerical overflow: bandwidth must be less than 8796093022208", "OUT_OF_RANGE"),
    (
        1,
        (
            "internal error: unable to execute QEMU command 'migrate-set-parameters': Parameter 'downtime_limit'"
            " expects an integer in the range of 0 to (2000 * 1000) ms"
        ),
        "OUT_OF_RANGE",
    ),
    (1, "internal error: the dirty rate is already being measured.", "ALREADY_MEASURING"),
    (29, "operation forbidden: read only access prevents virDomainAbortJob", "READ_ONLY"),
    (45, "authentication failed: access denied by policy", "NOT_PERMITTED"),
    (94, "authentication unavailable: no polkit agent available to authenticate", "NOT_PERMITTED"),
    (88, "access denied: 'QEMU' denied access", "NOT_PERMITTED"),
    (
        38,
        "Cannot recv data: root@kvm02: Permission denied (publickey,password).: Connection reset by peer",
        "SSH_FAILED",
    ),
    (38, "Cannot recv data: Host key verification failed.: Connection reset by peer", "SSH_FAILED"),
    (98, "libssh: some trouble", "SSH_FAILED"),
    (85, "failed to authenticate", "SSH_FAILED"),
    (
        38,
        "Cannot recv data: ssh: Could not resolve hostname kvm02: Name or service not known: Connection reset by peer",
        "NAME_NOT_RESOLVED",
    ),
    (
        38,
        "Cannot recv data: ssh: connect to host kvm02 port 22: Connection refused: Connection reset by peer",
        "CONNECTION_FAILED",
    ),
    (45, "authentication failed: Failed to verify peer's certificate", "TLS_FAILED"),
    (38, "Cannot read CA certificate '/etc/pki/CA/cacert.pem': No such file or directory", "TLS_FAILED"),
    (39, "server verification (of our certificate or IP address) failed", "TLS_FAILED"),
    (38, "unable to connect to server at 'kvm02:16509': Connection refused", "CONNECTION_FAILED"),
    (38, "unable to connect to server at 'kvm02:16509': No route to host", "CONNECTION_FAILED"),
    (38, "unable to connect to server at 'kvm02:49152': Connection timed out", "CONNECTION_FAILED"),
    (38, "Failed to connect socket to '/var/run/libvirt/libvirt-sock': No such file or directory", "CONNECTION_FAILED"),
    (38, "Unable to resolve address 'kvm02' service '16509': Name or service not known", "NAME_NOT_RESOLVED"),
    (
        1,
        "internal error: hostname on destination resolved to localhost, but migration requires an FQDN",
        "HOSTNAME_LOCALHOST",
    ),
    (8, "invalid argument: Attempt to migrate guest to the same host", "SAME_HOST"),
    (1, "internal error: Attempt to migrate guest to the same host 4c4c4544-0042", "SAME_HOST"),
    (
        74,
        "argument unsupported: direct migration is not supported by the source host",
        "DIRECT_NOT_SUPPORTED",
    ),
    (81, "Unsafe migration: Migration without shared storage is unsafe", "UNSAFE_STORAGE"),
    (
        81,
        "Unsafe migration: Migration may lead to data corruption if disks use cache other than none or directsync",
        "UNSAFE_STORAGE",
    ),
    (55, INVALID + "cannot migrate domain: 0000:01:00.0: VFIO migration is not supported", "NOT_MIGRATABLE"),
    (55, INVALID + "cannot migrate domain with 2 snapshots", "NOT_MIGRATABLE"),
    (55, INVALID + "domain has active block job", "NOT_MIGRATABLE"),
    (55, INVALID + "domain has an active block job", "NOT_MIGRATABLE"),
    (84, "Operation not supported: cannot migrate a domain with <hostdev mode='subsystem'>", "NOT_MIGRATABLE"),
    (91, "the CPU is incompatible with host CPU: Host CPU does not provide required features: avx", "CPU_INCOMPATIBLE"),
    (9, "operation failed: guest CPU doesn't match specification: missing features: avx512f", "CPU_INCOMPATIBLE"),
    (9, "operation failed: guest CPU doesn't match specification: extra features: ht", "CPU_INCOMPATIBLE"),
    (67, "unsupported configuration: guest and host CPU are not compatible: missing xsave", "CPU_INCOMPATIBLE"),
    (67, "unsupported configuration: Target CPU model EPYC does not match source Haswell", "CPU_INCOMPATIBLE"),
    (
        67,
        "unsupported configuration: Emulator '/usr/bin/qemu' does not support machine type 'pc-q35-9.2'",
        "MACHINE_TYPE_MISSING",
    ),
    (
        67,
        "unsupported configuration: Target domain max memory 1024 does not match source 2048",
        "DEFINITION_MISMATCH",
    ),
    (55, INVALID + "domain has 'invtsc' CPU feature but TSC frequency is not specified", "TSC_MISMATCH"),
    (
        67,
        "unsupported configuration: Requested TSC frequency 2.4 GHz is outside tolerance range of 2.1",
        "TSC_MISMATCH",
    ),
    (67, "unsupported configuration: host doesn't support invariant TSC", "TSC_MISMATCH"),
    (67, "unsupported configuration: anything else", "INCOMPATIBLE"),
    (9, "operation failed: domain 'erp01' already exists with uuid 1f3c", "GUEST_EXISTS"),
    (55, INVALID + "domain 'erp01' is already active", "GUEST_EXISTS"),
    (28, "domain erp01 exists already", "GUEST_EXISTS"),
    (1, "internal error: Unable to find an unused port in range 'migration' (49152-49215)", "PORT_UNAVAILABLE"),
    (1, "internal error: Failed to bind socket: Address already in use", "PORT_UNAVAILABLE"),
    (1, "internal error: Failed to bind socket: Cannot assign requested address", "PORT_UNAVAILABLE"),
    (1, "internal error: Failed to reserve port 49152", "PORT_UNAVAILABLE"),
    (38, "Cannot access storage file '/srv/erp01.qcow2': No such file or directory", "STORAGE_MISSING"),
    (1, "internal error: qemu: Could not write to file: No space left on device", "STORAGE_FULL"),
    (
        1,
        "internal error: migration of disk vda failed: Source and target image have different sizes",
        "STORAGE_MISMATCH",
    ),
    (
        84,
        "Operation not supported: pre-creation of storage targets for incremental storage migration is not supported",
        "STORAGE_MISMATCH",
    ),
    (
        1,
        'internal error: process exited while connecting to monitor: qemu: -blockdev: Failed to get "write" lock',
        "STORAGE_LOCKED",
    ),
    (
        1,
        (
            "internal error: qemu unexpectedly closed the monitor: unable to map backing store for guest RAM:"
            " Cannot allocate memory"
        ),
        "DESTINATION_MEMORY",
    ),
    (1, "internal error: qemu: cannot set up guest memory 'pc.ram': Cannot allocate memory", "DESTINATION_MEMORY"),
    (43, "Network not found: no network with matching name 'prod'", "NETWORK_MISSING"),
    (38, "Cannot get interface MTU on 'br7': No such device", "NETWORK_MISSING"),
    (1, "internal error: Network not found", "NETWORK_MISSING"),
    (
        1,
        (
            "internal error: unable to execute QEMU command 'object-add': Unable to access credentials"
            " /etc/pki/qemu/ca-cert.pem: No such file or directory"
        ),
        "TLS_FAILED",
    ),
    (1, "internal error: Certificate does not match the hostname kvm02", "TLS_FAILED"),
    (55, INVALID + "this libvirtd instance allows migration only with VIR_MIGRATE_TLS flag", "TLS_REQUIRED"),
    (70, "Hook script execution failed: internal error: Child process", "HOOK_FAILED"),
    (69, "Failed to make domain persistent after migration: disk full", "PERSIST_FAILED"),
    (93, "migration successfully aborted", "CANCELLED"),
    (55, INVALID + "something that nobody thought of", "NOT_NOW"),
    (1, "internal error: something that nobody thought of", "LIBVIRT_ERROR"),
    (0, "", "LIBVIRT_ERROR"),
    (9999, "an error of the future", "LIBVIRT_ERROR"),
]


# What a daemon or a client in another language says; the code alone decides, or a word that is never translated.
TRANSLATED = [
    (42, "Domain nicht gefunden: keine Domain mit passendem Namen »erp01«", "GUEST_NOT_FOUND"),
    (42, "ドメインが見つかりません: 名前 'erp01' に一致するドメインがありません", "GUEST_NOT_FOUND"),
    (29, "Vorgang nicht erlaubt: Nur-Lesen-Zugriff verhindert virDomainAbortJob", "READ_ONLY"),
    (45, "Authentifizierung gescheitert", "NOT_PERMITTED"),
    (88, "アクセスが拒否されました", "NOT_PERMITTED"),
    (94, "認証が利用できません", "NOT_PERMITTED"),
    (68, "Zeitüberschreitung bei Vorgang: Statussperre kann nicht erlangt werden", "BUSY"),
    (
        68,
        "操作中のタイムアウト: 状態変更ロックを取得できません (monitor=remoteDispatchDomainMigratePrepare3Params)",
        "INCOMING",
    ),
    (78, "Vorgang abgebrochen: Job 'migration out' vom Client abgebrochen", "CANCELLED"),
    (81, "Unsichere Migration: Migration ohne gemeinsamen Speicher ist unsicher", "UNSAFE_STORAGE"),
    (82, "数値のオーバーフロー", "OUT_OF_RANGE"),
    (91, "CPU ist inkompatibel mit Host-CPU", "CPU_INCOMPATIBLE"),
    (3, "この関数は接続ドライバーでサポートされていません", "NOT_SUPPORTED"),
    (84, "Vorgang nicht unterstützt", "NOT_SUPPORTED"),
    (74, "Argument nicht unterstützt", "NOT_SUPPORTED"),
    (8, "Ungültiges Argument", "INVALID_ARGUMENT"),
    (43, "Netzwerk nicht gefunden", "NETWORK_MISSING"),
    (49, "Speicher-Pool nicht gefunden", "STORAGE_MISSING"),
    (50, "ストレージボリュームが見つかりません", "STORAGE_MISSING"),
    (69, "移行後にドメインを永続化できませんでした", "PERSIST_FAILED"),
    (70, "Ausführung des Hook-Skripts gescheitert", "HOOK_FAILED"),
    (55, "Angeforderter Vorgang ist nicht gültig: Domain läuft nicht", "NOT_NOW"),
    (55, "要求された操作は無効です: VIR_MIGRATE_POSTCOPY フラグ", "POSTCOPY_NOT_ENABLED"),
    (55, "nur mit dem Flag VIR_MIGRATE_TLS", "TLS_REQUIRED"),
    (67, "Nicht unterstützte Konfiguration", "INCOMPATIBLE"),
    (9, "Vorgang gescheitert: Job 'migration out' gescheitert", "MIGRATION_FAILED"),
    (9, "操作に失敗しました", "OPERATION_FAILED"),
    (38, "Verbindung zum Server nicht möglich", "SYSTEM_ERROR"),
    (98, "libssh-Fehler", "SSH_FAILED"),
    # Words of which a part, or the whole, means something else in English
    (1, "error interno: Parámetros inesperados para recursos de disco", "LIBVIRT_ERROR"),
    (9, "falha na operação: Dispositivos de USB múltiplos foram encontrados", "OPERATION_FAILED"),
    (9, "Operation schlug fehl: die CPU des Gastes passt nicht zur Angabe", "OPERATION_FAILED"),
    (1, "Interner Fehler: die Herkunft ist unbekannt", "LIBVIRT_ERROR"),
    (45, "autentisering mislyktes: feil passfrase", "NOT_PERMITTED"),
    (55, "Požadovaná operace není platná: vDPA zařízení není možné stěhovat", "NOT_MIGRATABLE"),
    (1, "vnitřní chyba: slirp-helper nepodporuje stěhování", "NOT_MIGRATABLE"),
    (67, "nepodporované nastavení: Doména vyžaduje KVM. Zkontrolujte virtualizaci v UEFI", "INCOMPATIBLE"),
    (
        1,
        (
            "Interner Fehler: QEMU-Befehl 'migrate-set-parameters' kann nicht ausgeführt werden: Parameter"
            " 'downtime_limit' expects an integer"
        ),
        "OUT_OF_RANGE",
    ),
]


# By subject: code, text, reason, and where the text was found: releases of libvirt (of 7.0, 9.0 and 11.3), or QEMU's.
FROM_SOURCES = [
    (code, text, reason)
    for messages in json.loads(captured("libvirt_errors.json")).values()
    for code, text, reason, _found_in in messages
]


@pytest.mark.parametrize(("code", "text", "reason"), ENGLISH + TRANSLATED + FROM_SOURCES)
def test_reason(code: int, text: str, reason: str) -> None:
    row = meaning_of(code, text)
    assert row.reason == reason
    assert row.state
    assert row.remedy


def test_every_row_is_reached_by_an_example() -> None:
    reached = [
        meaning_of(code, text)
        for code, text, _reason in ENGLISH + TRANSLATED + FROM_SOURCES + OF_QEMU + OF_ANOTHER_MATTER
    ]
    assert [row for row in (*MEANINGS, FALLBACK) if row not in reached] == []


def test_rows_are_well_formed() -> None:
    for row in MEANINGS:
        assert row.codes
        assert re.fullmatch(r"[A-Z]+(_[A-Z]+)*", row.reason)
        assert row.source
        assert re.fullmatch(r"(QEMU )?[0-9]+\.[0-9]+( [0-9]+\.[0-9]+)*", row.seen)
        for sentence in (row.means, row.state, row.remedy):
            assert sentence[0].isupper()
            assert sentence.endswith(".")


def test_no_code_has_two_rows_for_any_text() -> None:
    codes = [code for row in MEANINGS if row.for_any_text for code in row.codes]
    assert sorted(set(codes)) == sorted(codes)


def test_remedies_name_what_is_to_be_done() -> None:
    """Where one reason covers several troubles, the remedy tells them apart."""
    told = {
        "emulator": (38, "Cannot check QEMU binary /usr/libexec/qemu-kvm: No such file or directory"),
        "KVM": (8, "invalid argument: could not find capabilities for arch=x86_64 domaintype=kvm "),
        "secret": (66, "Secret not found: no secret with matching uuid '0d7c5b1f'"),
        "owner": (38, "unable to set user and group to '107:107' on '/srv/nfs/a.qcow2': Operation not permitted"),
        "hugetlbfs": (1, "internal error: Unable to find any usable hugetlbfs mount for 1048576 KiB"),
        "Open vSwitch": (1, "internal error: Unable to add port vnet5 to OVS bridge br-int: ovs-vsctl: no bridge"),
        "net-start": (55, INVALID + "network 'blue' is not active"),
        "netcat": (38, "End of file while reading data: sh: 1: nc: not found: Input/output error"),
        "qemu.conf": (55, INVALID + "host migration TLS directory not configured"),
        "SASL": (45, "authentication failed: Failed to start SASL negotiation: -1 (generic failure)"),
        "polkit": (45, "authentication failed: access denied by policy"),
        "swtpm": (1, "internal error: Could not run '/usr/bin/swtpm_setup'. exitstatus: 1"),
    }
    assert [word for word, error in told.items() if word not in meaning_of(*error).remedy] == []


def test_nobody_is_told_to_copy_a_disk_that_may_be_shared() -> None:
    row = meaning_of(81, "Unsafe migration: Migration without shared storage is unsafe")
    assert "onto itself" in row.remedy
    assert "copy" not in meaning_of(81, "Unsafe migration: if disks use cache other than none or directsync").remedy


@pytest.mark.parametrize("text", ["nc: command not found", "ssh: connect to host kvm02 port 22: No route to host"])
def test_what_fails_while_logging_in_leaves_the_guest_where_it_is(text: str) -> None:
    row = meaning_of(38, f"End of file while reading data: {text}: Input/output error")
    assert row.state == "The guest goes on where it was."


def test_the_codes_of_libvirt_alone_give_an_honest_meaning() -> None:
    """In a language that is not known: nothing that only the text could tell."""
    for code in Err:
        row = meaning_of(code, "何か")
        assert row.for_any_text
    assert "guest's present state" not in meaning_of(55, "何か").remedy
    assert "firewall" not in meaning_of(38, "何か").remedy


def test_subjects_hold_all_rows() -> None:
    assert sum(len(rows) for _subject, rows in SUBJECTS) == len(MEANINGS)


# Errors that come from the middle of a step: what they leave behind is not known.
@pytest.mark.parametrize("reason", ["CONNECTION_LOST", "QEMU_DIED", "MIGRATION_FAILED", "OPERATION_FAILED"])
def test_nobody_says_more_than_is_certain(reason: str) -> None:
    rows = [row for row in MEANINGS if row.reason == reason]
    assert rows
    for row in rows:
        assert "not known" in row.state
