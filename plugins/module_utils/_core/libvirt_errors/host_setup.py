# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host lacks or has set up otherwise: firmware, TPM, programs, security drivers, control groups, services."""

from __future__ import annotations

from .codes import Err
from .meaning_row import ON_SOURCE, Meaning

_TPM = (
    "See that the destination can run swtpm: the packages swtpm and swtpm-tools, owner of /var/lib/libvirt/swtpm "
    "and /var/lib/swtpm-localca, swtpm_user in qemu.conf, and the log in /var/log/swtpm/libvirt/qemu/."
)
_DEVICE = (
    "Make the host device that the message names available on the destination, free and under the same address or "
    "name, or take it out of the guest before it moves."
)
_FIRMWARE = (
    "Install the same firmware (OVMF, AAVMF, SeaBIOS) under the same path on the destination, and see that the "
    "guest's NVRAM file can be made there."
)
_LABELS = (
    "Set up the same security driver (SELinux, AppArmor or none; security_driver in qemu.conf) and the same kind "
    "of labels in the definition on both hosts; the host's own log (audit.log, kernel log) says what was refused."
)
_KVM = (
    "Make KVM available on the destination: virtualization in its firmware, the kernel module kvm_intel or "
    "kvm_amd, and /dev/kvm for QEMU's user."
)
_EMULATOR = (
    "Install QEMU on the destination under the path that the guest's <emulator> names, or move the guest with a "
    "definition that names the one that is there."
)
_NAME_TAKEN = (
    "The destination has a guest of that name or UUID: make sure that it is not in use there, then undefine or "
    "rename it."
)

ROWS: tuple[Meaning, ...] = (
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED, Err.SYSTEM_ERROR),
        text=r"swtpm|\bTPM\b|tpm-emulator|tpm_emulator",
        reason="HOST_SETUP",
        means="The destination cannot start the guest's TPM.",
        state=ON_SOURCE,
        remedy=_TPM,
        source="qemu/qemu_command.c, qemu/qemu_tpm.c",
        domain="NONE, QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR,),
        quoted=r"(run|start) '[^']*swtpm",
        reason="HOST_SETUP",
        means="The destination cannot start the guest's TPM.",
        state=ON_SOURCE,
        remedy=_TPM,
        source="qemu/qemu_tpm.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(
            Err.INTERNAL_ERROR,
            Err.OPERATION_FAILED,
            Err.OPERATION_INVALID,
            Err.OPERATION_UNSUPPORTED,
            Err.CONFIG_UNSUPPORTED,
            Err.SYSTEM_ERROR,
        ),
        text=(
            r"firmware to satisfy|firmware that is compatible|chosen firmware|master var store|nvram (template|"
            r"backing|format)|nvram template|flash format|loader format|load PC BIOS|find romfile|"
            r"failed to find file ''|firmware descriptor|Firmware flash|^(?!.*\bKVM\b).*UEFI|varstore"
        ),
        reason="FIRMWARE_MISSING",
        means="The destination does not have the guest's firmware, or cannot make its NVRAM.",
        state=ON_SOURCE,
        remedy=_FIRMWARE,
        source="qemu/qemu_firmware.c, qemu/qemu_process.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED, Err.SYSTEM_ERROR),
        quoted=(
            r"(open|access|create|stat|read|file|copy|device) .{0,60}('[^']*(OVMF|AAVMF|/edk2|/qemu-efi|/seabios|"
            r"/nvram/|_VARS|_CODE|\.fd'))|pflash.{0,120}bytes"
        ),
        reason="FIRMWARE_MISSING",
        means="A file of the guest's firmware is not there, or of another size.",
        state=ON_SOURCE,
        remedy=_FIRMWARE,
        source="qemu/qemu_process.c; QEMU: hw/block/pflash_cfi01.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR,),
        quoted=r"'?/dev/(vhost-net|vhost-vsock|net/tun|tap\d+|userfaultfd|urandom)",
        reason="HOST_SETUP",
        means="A device file that QEMU needs is not there, or not usable.",
        state=ON_SOURCE,
        remedy=(
            "Load the kernel module of the device file that the message names on the destination, and see that "
            "libvirt may open it."
        ),
        source="qemu/qemu_interface.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR,),
        quoted=r"/dev/(vfio/|vhost-vdpa|sg\d|bus/usb)",
        reason="DEVICE_MISSING",
        means="A host device of the guest is not there, or in use.",
        state=ON_SOURCE,
        remedy=_DEVICE,
        source="qemu/qemu_domain.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(
            Err.INVALID_ARG,
            Err.CONFIG_UNSUPPORTED,
            Err.INTERNAL_ERROR,
            Err.SYSTEM_ERROR,
            Err.OPERATION_UNSUPPORTED,
        ),
        text=(
            r"requires KVM|\bKVM is not (supported|available)|access KVM kernel module|failed to initialize kvm|"
            r"invalid accelerator kvm|KVM VM for|domaintype=kvm|virt_?type=kvm|KVM not supported"
        ),
        reason="INCOMPATIBLE",
        means="There is no KVM on that host.",
        state=ON_SOURCE,
        remedy=_KVM,
        source="qemu/qemu_process.c, conf/capabilities.c",
        domain="QEMU, CAPABILITIES",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INVALID_ARG, Err.CONFIG_UNSUPPORTED, Err.INTERNAL_ERROR, Err.SYSTEM_ERROR),
        quoted=(
            r"(accel|virt type|accelerator) '?kvm'? (is not supported|by)|does not support virt type 'kvm'|"
            r"'/dev/kvm'"
        ),
        reason="INCOMPATIBLE",
        means="There is no KVM on that host.",
        state=ON_SOURCE,
        remedy=_KVM,
        source="qemu/qemu_domain.c, qemu/qemu_capabilities.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INVALID_ARG, Err.CONFIG_UNSUPPORTED, Err.INTERNAL_ERROR),
        text=(
            r"could not find capabilities for|no supported architecture|accel '' is not supported|"
            r"does not support (arch|virt type)|architecture from emulator|QEMU '' does not support|domain type"
        ),
        reason="INCOMPATIBLE",
        means="The destination cannot run guests of that kind.",
        state=ON_SOURCE,
        remedy=(
            "The destination's QEMU does not run guests of that architecture and virtualization type: install the "
            "emulator that the message asks for there, or choose another destination."
        ),
        source="qemu/qemu_capabilities.c, qemu/qemu_validate.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR, Err.INTERNAL_ERROR, Err.CONFIG_UNSUPPORTED, Err.OPERATION_FAILED),
        text=(
            r"(check|start) QEMU binary|QEMU binary .{0,80}is not executable|any emulator to serve|"
            r"No emulator found|emulator .{0,60}(not found|does not exist|is not executable)|QEMU version >="
        ),
        reason="EMULATOR_MISSING",
        means="The emulator (QEMU) of the guest's definition is not on that host.",
        state=ON_SOURCE,
        remedy=_EMULATOR,
        source="qemu/qemu_capabilities.c, qemu/qemu_process.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR, Err.INTERNAL_ERROR, Err.OPERATION_FAILED),
        quoted=(
            r"(cannot execute binary|Cannot find|Unable to find|access|binary) '?(/\S*/)?(qemu-system-\w+|qemu-kvm|"
            r"kvm)\b'?"
        ),
        reason="EMULATOR_MISSING",
        means="The emulator (QEMU) of the guest's definition is not on that host.",
        state=ON_SOURCE,
        remedy=_EMULATOR,
        source="util/vircommand.c",
        domain="NONE",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR, Err.INTERNAL_ERROR, Err.OPERATION_FAILED, Err.CONFIG_UNSUPPORTED, Err.NO_SUPPORT),
        text=(
            r"virtiofsd|vhost-user-(gpu|\w+)|slirp|\bpasst\b(?! (nicht|zu|nur|mit|in)\b)|"
            r"dbus-daemon|D-Bus|DBus daemon|pr helper|bridge helper|"
            r"nbdkit|qemu-img|dnsmasq|qemu-rdp|find '' (in path|binary)|binary in \$PATH|virtiofs export|"
            r"is not an executable|is not executable"
        ),
        reason="HOST_SETUP",
        means="A program that the guest needs beside QEMU is missing or does not start.",
        state=ON_SOURCE,
        remedy=(
            "Install what the message names on the destination (virtiofsd, vhost-user-gpu, passt, dbus-daemon, "
            "qemu-bridge-helper, qemu-pr-helper, nbdkit, qemu-img, dnsmasq), and see its log."
        ),
        source="qemu/qemu_dbus.c, qemu/qemu_domain.c",
        domain="NONE, QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR,),
        text=r"Could not (run|start) ''|Could not create thread\. QEMU",
        reason="HOST_SETUP",
        means="A program that the guest needs beside QEMU does not start.",
        state=ON_SOURCE,
        remedy=(
            "See why the program that the message names does not start on the host that it comes from: whether it "
            "is installed, its log, and what SELinux or AppArmor forbid it."
        ),
        source="qemu/qemu_passt.c, qemu/qemu_tpm.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR,),
        text=r"set (security context|user and group) .{0,120} on\b|label files under",
        reason="STORAGE_MISSING",
        means="The file cannot be labelled for QEMU.",
        state=ON_SOURCE,
        remedy=(
            "Check owner, mode and label of the file on the host that the message comes from, and what its storage "
            "allows: NFS without labels or with root_squash, user and group in qemu.conf."
        ),
        source="security/security_selinux.c",
        domain="SECURITY",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.SYSTEM_ERROR, Err.CONFIG_UNSUPPORTED, Err.NO_SECURITY_MODEL),
        text=(
            r"AppArmor|security (label|driver|model|context|image label)|seclabel|SELinux|selinux|MCS level|"
            r"category range|imagelabel|Unconfined guests|aa_change_profile|profile (name|status|for)|getenforce|"
            r"base label"
        ),
        reason="HOST_SETUP",
        means="The security driver of the host does not take the guest.",
        state=ON_SOURCE,
        remedy=_LABELS,
        source="qemu/qemu_driver.c, qemu/qemu_namespace.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.NO_SECURITY_MODEL,),
        reason="HOST_SETUP",
        means="The host does not have the security model of the guest's labels.",
        state=ON_SOURCE,
        remedy=_LABELS,
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.SYSTEM_ERROR, Err.CONFIG_UNSUPPORTED, Err.OPERATION_INVALID),
        text=(
            r"cgroup|resource partition|(Block I/O|CPU|NUMA|memory) tuning|scheduler|v[12] controller|"
            r"controller '' is not wanted|resctrl|cpu\.max|memory\.limit|SCHED_CORE"
        ),
        reason="HOST_SETUP",
        means="The control groups of the host do not give what the guest's definition asks for.",
        state=ON_SOURCE,
        remedy=(
            "Mount the cgroup controller that the message names on the destination, or take the limit that needs "
            "it out of the definition (<cputune>, <memtune>, <blkiotune>)."
        ),
        source="qemu/qemu_command.c, qemu/qemu_driver.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.DBUS_SERVICE, Err.INTERNAL_ERROR),
        text=r"error from service|CreateMachine|machine1|org\.freedesktop|already exists as unit|bus connection",
        reason="HOST_SETUP",
        means="A service of the host (systemd-machined, D-Bus) refuses or does not answer.",
        state=ON_SOURCE,
        remedy=(
            "See on the host that the message comes from whether systemd-machined and the D-Bus run; if it says "
            "that the machine or unit already exists, a former guest left its scope behind: 'systemctl list-units "
            "\\'machine-qemu*\\''."
        ),
        source="util/virgdbus.c",
        domain="DBUS",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.DBUS_SERVICE,),
        reason="HOST_SETUP",
        means="A service of the host does not answer over D-Bus.",
        state=ON_SOURCE,
        remedy=(
            "See on the host that the message comes from whether the D-Bus and the service that the message names run."
        ),
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR, Err.INTERNAL_ERROR),
        text=(
            r"too many open files|cannot fork|unable to fork|Failed to create thread|Unable to create .{0,30}thread|"
            r"^(?!.*(pid file|\block\b)).*resource temporarily unavailable"
        ),
        reason="HOST_SETUP",
        means="The host has reached a limit of processes or open files.",
        state=ON_SOURCE,
        remedy=(
            "Raise the limits of the daemon's unit (LimitNOFILE, LimitNPROC, TasksMax; max_processes and max_files "
            "in qemu.conf) on the host that the message comes from."
        ),
        source="qemu/qemu_migration.c, util/vircommand.c",
        domain="NONE, QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.CONF_SYNTAX,),
        reason="HOST_SETUP",
        means="A configuration file of libvirt has a mistake.",
        state=ON_SOURCE,
        remedy="Correct the file and line that the message names on the host that it comes from.",
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.HOOK_SCRIPT_FAILED,),
        reason="HOOK_FAILED",
        means="A hook script refused it.",
        state=ON_SOURCE,
        remedy=(
            "Look at the hook scripts in /etc/libvirt/hooks/ and at the daemon's log of the host that the message "
            "comes from."
        ),
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.DOM_EXIST,),
        reason="GUEST_EXISTS",
        means="The destination has a guest of that name or UUID.",
        state=ON_SOURCE,
        remedy=_NAME_TAKEN,
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_FAILED, Err.OPERATION_INVALID),
        text=(
            r"domain .{0,80}already (exists|defined)|(domain|VM)( '')? is already (active|running|being started|"
            r"defined)"
        ),
        reason="GUEST_EXISTS",
        means="The destination has a guest of that name or UUID.",
        state=ON_SOURCE,
        remedy=_NAME_TAKEN,
        source="qemu/qemu_driver.c, qemu/qemu_process.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
)
