"""Which of libvirt's daemons a host has, how they are configured, started, and found."""

from __future__ import annotations

from pathlib import Path

from . import modular
from .state import Host

LIBVIRTD = ["/usr/sbin/libvirtd", "--daemon", "--listen", "--pid-file", "/run/libvirtd.pid"]
SYSTEMCTL = "/usr/bin/systemctl"  # activation.py, in the hosts that have modular daemons
INTERPRETER = "#!/usr/bin/env python3\n"
NO_LOGIN = 'auth_unix_ro = "none"\nauth_unix_rw = "none"\n'


def is_modular(host: Host) -> bool:
    return host.version.endswith(modular.SUFFIX)


def main_daemon(host: Host) -> str:
    """The daemon that runs guests."""
    return "virtqemud" if is_modular(host) else "libvirtd"


def start_command(host: Host) -> list[str]:
    return [SYSTEMCTL, "start", "virtqemud.service"] if is_modular(host) else LIBVIRTD


def boot_command(host: Host) -> list[str]:
    """What is run when the host has just started."""
    return [SYSTEMCTL, "lab-boot"] if is_modular(host) else LIBVIRTD


def log_to(name: str) -> str:
    return f'log_level = 3\nlog_outputs = "3:file:/var/log/libvirt/{name}.log"\n'


def libvirtd_conf(host: Host) -> str:
    return f"""host_uuid = "{host.uuid}"
{NO_LOGIN}listen_tls = 0
listen_tcp = 1
auth_tcp = "none"
listen_addr = "{host.mgmt_address}"
{log_to("libvirtd")}"""


def qemu_conf(host: Host, controllers: str) -> str:
    # Where there is a virtlogd that is started when it is asked for, it keeps QEMU's output, as it does by default.
    output = "" if is_modular(host) else 'stdio_handler = "file"\n'
    return f"""user = "root"
group = "root"
security_driver = "none"
cgroup_controllers = [{controllers}]
namespaces = [ ]
{output}remember_owner = 0
migration_host = "{host.migration_address}"
"""


def modular_files(host: Host) -> dict[str, tuple[str, int]]:
    """Each daemon has a file of its own; only the proxy takes connections from elsewhere."""
    files = {f"/etc/libvirt/{name}.conf": NO_LOGIN + log_to(name) for name in modular.DAEMONS}
    files["/etc/libvirt/virtqemud.conf"] += f'host_uuid = "{host.uuid}"\n'
    files["/etc/libvirt/virtproxyd.conf"] += 'auth_tcp = "none"\n'
    # Debian's library would connect to libvirtd's socket; that of a distribution with modular daemons does not.
    files["/etc/libvirt/libvirt.conf"] = 'remote_mode = "direct"\nuri_default = "qemu:///system"\n'
    files["/etc/systemd/enabled-sockets"] = "virtproxyd-tcp.socket\n"
    # On one address only, as libvirtd of the other hosts.
    files["/etc/systemd/system/virtproxyd-tcp.socket"] = (
        f"[Socket]\nListenStream={host.mgmt_address}:16509\nService=virtproxyd.service\n"
    )
    found = {path: (text, 0o644) for path, text in files.items()}
    found[SYSTEMCTL] = (INTERPRETER + Path(__file__).with_name("activation.py").read_text(), 0o755)
    return found


def files(host: Host, controllers: str = " ") -> dict[str, tuple[str, int]]:
    """``controllers``: those of control groups, as qemu.conf lists them."""
    found = modular_files(host) if is_modular(host) else {"/etc/libvirt/libvirtd.conf": (libvirtd_conf(host), 0o644)}
    found["/etc/libvirt/qemu.conf"] = (qemu_conf(host, controllers), 0o600)
    return found
