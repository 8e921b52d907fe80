# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness: devices that hold a guest to its host."""

from __future__ import annotations

import typing as t

from ...host.features import version_of
from ...host.guest import HostDevice, Tpm
from .check_types import FAIL, PASS, WARN, Case, Check, Finding, failed, listed, passed, skipped, warned
from .disk_location import SHARED, place_of_file
from .shared_storage import filesystem_of

_THEME = "devices"


def _name(device: HostDevice) -> str:
    return f"{device.type} {device.vgpu_model or device.address}".strip()


def _host_devices(case: Case) -> Finding:
    """A device that can be migrated needs the vendor's driver, which only QEMU can ask."""
    devices = case.guest.sent_host_devices
    paired = [_name(one) for one in case.guest.host_devices if one.teaming]
    if not devices and paired:
        return warned(
            f"{listed(paired)} are unplugged for the migration, and the guest needs the paired interface meanwhile.",
            "See that the guest has its failover pair in use, and that the destination has such a device to plug.",
            devices=paired,
        )
    if not devices:
        return passed("It holds no device of the host.")
    can = all("vfio_migration" in host.features for host in (case.source, case.destination))
    rest = [one for one in devices if one.type != "usb" and not (can and one.type in _VFIO) and not _over_network(one)]
    if rest:
        return failed(
            f"It holds devices of the host that cannot be migrated: {listed(map(_name, rest))}.",
            "Detach them ('virsh detach-device'), use a failover pair (teaming), or shut the guest down to move it.",
            devices=[_name(one) for one in rest],
        )
    vfio = [one for one in devices if one.type in _VFIO]
    if vfio:
        return warned(
            f"It holds {listed(map(_name, devices))} of the host. With these versions it can be migrated only if the"
            " device's own driver can.",
            "Ask the vendor, try it with a test guest, and see that the destination has the same device and driver.",
            devices=[_name(one) for one in devices],
        )
    return _left_behind(devices)


_VFIO = ("pci", "mdev", "net", "vdpa")


def _over_network(device: HostDevice) -> bool:
    """QEMU itself speaks iSCSI then, from whatever host it runs on."""
    return device.type == "scsi" and device.protocol == "iscsi"


def _left_behind(devices: t.Sequence[HostDevice]) -> Finding:
    """libvirt and QEMU let a guest with USB devices go, and give it what they find in their place."""
    needed = [_name(one) for one in devices if one.type == "usb" and one.startup_policy in ("", "mandatory")]
    usb = [_name(one) for one in devices if one.type == "usb"]
    if not usb:
        return warned(
            f"It reaches {listed(map(_name, devices))} over the network itself.",
            "See that the destination reaches the same target, with the same secret.",
            devices=[_name(one) for one in devices],
        )
    if needed:
        return warned(
            f"It holds {listed(needed)} of the host, which stays there: without such a device on the destination"
            " libvirt refuses to start it there, and with one the guest gets that.",
            "Plug such a device in on the destination, set startupPolicy to optional or requisite, or detach it ('virsh"
            " detach-device').",
            devices=usb,
        )
    return warned(
        f"It holds {listed(usb)} of the host, which stays there: the guest loses it, or gets such a one of the"
        " destination.",
        "Plug such a device in on the destination, if the guest needs it there.",
        devices=usb,
    )


def _tpm(case: Case) -> Finding:
    """The gravest finding of all that it has: libvirt allows a second one beside the first (spapr-tpm-proxy)."""
    tpms = [one for one in (case.guest.tpm, *case.guest.more_tpms) if one is not None]
    if not tpms:
        return passed("It has no TPM.")
    found = [_one_tpm(one) for one in tpms]
    return min(found, key=lambda one: (FAIL, WARN, PASS).index(one.status))


def _one_tpm(tpm: Tpm) -> Finding:
    if tpm.backend == "passthrough":
        return failed("It uses the TPM of its host.", "Give it an emulated one (swtpm), and start it anew.")
    if tpm.backend == "external":
        return warned(
            "Its TPM is run by somebody else than libvirt, who has to move its state too.",
            "See that the emulator is ready on the destination.",
        )
    if tpm.state_path:
        return warned(
            f"The state of its TPM is in {tpm.state_path}, which both hosts must have, or the guest loses its keys.",
            "Look on the destination, and that swtpm is of a version that hands over its lock there.",
            state_path=tpm.state_path,
        )
    if tpm.encrypted:
        return warned(
            "The state of its TPM is encrypted with a secret of libvirt's, which must be on the destination too.",
            "Define the same secret there, with the same UUID ('virsh secret-define', 'secret-set-value').",
        )
    if tpm.backend not in ("", "emulator"):
        return warned(f"Its TPM is of a type that is not known here: {tpm.backend}.", "Ask QEMU (ask_qemu).")
    return passed("libvirt moves the state of its emulated TPM. swtpm must be installed on the destination.")


def _firmware(case: Case) -> Finding:
    """The variables travel with the memory; the image itself must be there at the same path."""
    guest, files = case.guest, case.destination.firmware_files
    if not guest.loader or guest.firmware != "efi":
        return passed("It needs no firmware image from the host's packages.")
    if files is None:
        return skipped("Which firmware images the destination has is not known.")
    if guest.loader in files and guest.nvram_template in ("", *files):
        return passed("The destination has its firmware.")
    if guest.loader in files:
        return warned(
            f"The file that its firmware's variables are made from, {guest.nvram_template}, may not be there.",
            "Put the same file at the same path on the destination. Its own variables travel with its memory.",
            nvram_template=guest.nvram_template,
        )
    if guest.loader not in (case.source.firmware_files or []):
        # At a place of its own, which was not looked at on the destination either.
        return warned(
            f"Whether the destination has the guest's firmware, {guest.loader}, is not known.",
            "Look there, and put the same file at the same path.",
            loader=guest.loader,
        )
    return failed(
        f"The destination does not have the guest's firmware, {guest.loader}.",
        "Install the same package there (ovmf, edk2-ovmf, ...), or say in destination_changes.paths where it is.",
        loader=guest.loader,
    )


def _shared_directories(case: Case) -> Finding:
    shared = case.guest.shared_directories
    if not shared:
        return passed("It shares no directory with its host.")
    names = [f"{one.target or one.source} ({one.driver})" for one in shared]
    can = all("virtiofs_migration" in host.features for host in (case.source, case.destination))
    if can and all(one.driver == "virtiofs" for one in shared):
        return warned(
            f"It shares directories with its host: {listed(names)}. They can be migrated only if virtiofsd on both"
            " hosts says migrate-precopy.",
            "Look at the output of 'virtiofsd --print-capabilities' on both hosts, and see that the destination has the"
            " same directories with the same contents.",
            directories=names,
        )
    return failed(
        f"It shares directories with its host, which cannot be migrated: {listed(names)}.",
        "Unmount them in the guest and detach them, or use a network file system.",
        directories=names,
    )


def _shared_memory(case: Case) -> Finding:
    found = case.guest.shared_memory
    if not found:
        return passed("It shares no memory with other guests.")
    names = [one.name for one in found]
    old = [one.name for one in found if one.model == "ivshmem"]
    if old:
        return failed(
            f"It shares memory by a device that libvirt does not migrate (ivshmem): {listed(old)}.",
            "Detach it ('virsh detach-device'), or give it the model ivshmem-plain or ivshmem-doorbell.",
            names=old,
        )
    if any(one.role != "master" for one in found):
        return failed(
            f"It shares memory with other guests and is not the master of it: {listed(names)}.",
            "Detach it ('virsh detach-device'), or make this guest the master.",
            names=names,
        )
    return warned(
        f"It shares memory with other guests: {listed(names)}. They stay behind with a copy of their own.",
        "Stop the others first, or detach it.",
        names=names,
    )


def _encrypted(case: Case) -> Finding:
    kind = case.guest.launch_security
    if kind:
        return failed(
            f"Its memory is encrypted ({kind}), and QEMU cannot migrate it.",
            "Shut it down to move it.",
            launch_security=kind,
        )
    return passed("Its memory is not encrypted.")


def _arguments(case: Case) -> Finding:
    if case.guest.qemu_arguments:
        return warned(
            "Arguments are passed to its QEMU past libvirt, which knows nothing of what they need.",
            "See that they mean the same on the destination (files, devices, addresses).",
        )
    return passed("libvirt knows all of it.")


def _device_files(case: Case) -> Finding:
    needed = [path for path in case.guest.needed_files if not _on_shared(path, case)]
    if needed:
        return warned(
            f"Its devices use files, sockets or devices of the host that must be on the destination: {listed(needed)}.",
            "See that the same is there at the same paths, and that QEMU may open it.",
            files=needed,
        )
    return passed("Its devices use no files, sockets or devices that must be on the destination.")


def _on_shared(path: str, case: Case) -> bool:
    found = filesystem_of(path, case.source)
    return found is not None and found.shared and place_of_file(path, case.source, case.destination).kind == SHARED


def _vsock(case: Case) -> Finding:
    cid = case.guest.vsock_cid
    if cid is None:
        return passed("It has no fixed address for sockets between guest and host (vsock).")
    other = case.residents.other_of_cid(case.guest)
    if other is not None:
        return failed(
            f"Its address for sockets between guest and host (vsock), {cid}, is that of {other.name!r} on the"
            " destination.",
            "Let libvirt choose it (<cid auto='yes'/>), or give one of them another one.",
            cid=cid,
        )
    return passed("Its address for sockets between guest and host (vsock) is free on the destination.", cid=cid)


def _others(case: Case) -> Finding:
    """Devices of a libvirt that is newer than this list of them."""
    names = case.guest.not_looked_at
    if names:
        return warned(
            f"Devices that no check looks at: {listed(names)}.",
            "Look at what they need of a host, and ask QEMU whether it migrates them (ask_qemu).",
        )
    return passed("A check looks at each kind of device that it has.")


_NEWEST_QEMU = (10, 1)  # the sources of which what QEMU does not send was taken are those of the one before


def _device_state(case: Case) -> Finding:
    """What QEMU says itself counts more than what is known of it."""
    parts, objection = case.guest.unmigratable, case.objection
    if not parts:
        return passed("QEMU sends the state of all its devices.")
    if objection is not None and objection.asked and not objection.text:
        return passed("QEMU itself has nothing against its devices.")
    remedy = "Take them out of the guest, or shut it down to move it. Images are converted by 'qemu-img convert'."
    if version_of(case.source.versions.qemu) >= _NEWEST_QEMU:
        return warned(
            f"QEMU up to 10.0 refuses to migrate {listed(parts)}, and whether this one does is not known.",
            f"Ask QEMU (ask_qemu). {remedy}",
            parts=parts,
        )
    return failed(f"QEMU refuses to migrate {listed(parts)}.", remedy, parts=parts)


def _blockers(case: Case) -> Finding:
    """libvirt's and QEMU's own answer, which knows of devices that no document tells of."""
    objection = case.objection
    if objection is None:
        return skipped("libvirt and QEMU were not asked.", "Set ask_qemu, and run the check on the source.")
    if not objection.asked:
        return skipped(f"libvirt and QEMU could not be asked: {objection.text}.")
    if objection.text:
        return failed(
            f"libvirt would not begin: {objection.text}.",
            "Detach or change what it names, or shut the guest down to move it.",
            libvirt=objection.text,
        )
    return passed("Neither libvirt nor QEMU on the source has anything against it.")


CHECKS = (
    Check(
        "host_devices", _THEME, "Does it hold no device of the host (PCI, USB, vGPU, mediated)?",
        "QEMU refuses: the device does not support migration.", (WARN, FAIL), of_guest=_host_devices,
    ),
    Check(
        "tpm", _THEME, "Can the state of its TPM go with it?",
        "libvirt refuses, or the guest loses its keys.", (WARN, FAIL), of_guest=_tpm,
    ),
    Check(
        "firmware", _THEME, "Is its firmware image on the destination?",
        "QEMU does not start there.", (WARN, FAIL), of_guest=_firmware, needs_running=False,
    ),
    Check(
        "shared_directories", _THEME, "Does it share no directory with its host (virtiofs, 9p)?",
        "libvirt refuses.", (WARN, FAIL), of_guest=_shared_directories,
    ),
    Check(
        "shared_memory", _THEME, "Does it share no memory with other guests (shmem)?",
        "libvirt refuses, or the guests no longer see each other.", (WARN, FAIL), of_guest=_shared_memory,
    ),
    Check(
        "launch_security", _THEME, "Is its memory not encrypted (SEV, TDX)?",
        "QEMU refuses.", (FAIL,), of_guest=_encrypted,
    ),
    Check(
        "device_files", _THEME, "Are files, sockets and devices of the host that its devices use on the destination?",
        "QEMU does not start there: no such file or directory.", (WARN,), of_guest=_device_files, needs_running=False,
    ),
    Check(
        "vsock", _THEME, "Is the address for sockets between guest and host (vsock) free, if it is fixed?",
        "libvirt refuses: unable to set guest cid.", (FAIL,), of_guest=_vsock,
    ),
    Check(
        "other_devices", _THEME, "Does a check look at each kind of device that it has?",
        "What an unknown device needs on the destination was not looked at.", (WARN,),
        of_guest=_others, needs_running=False,
    ),
    Check(
        "qemu_arguments", _THEME, "Is nothing passed to its QEMU past libvirt?",
        "It may not start on the destination.", (WARN,), of_guest=_arguments,
    ),
    Check(
        "device_state", _THEME, "Does QEMU send the state of all its devices and images (crypto, NVMe, vmdk, 3D, ...)?",
        "QEMU refuses: state blocked by non-migratable device.", (WARN, FAIL), of_guest=_device_state,
    ),
    Check(
        "qemu_blockers", _THEME, "Have libvirt and QEMU themselves nothing against it, if they are asked?",
        "The migration fails at its start.", (FAIL,), of_guest=_blockers,
    ),
)  # fmt: skip
