"""SSH into the hosts, with keys of the lab's own, and the Ansible inventory that goes with them."""

from __future__ import annotations

from pathlib import Path

from .proc import run
from .state import Host, LabState, lab_dir

SSHD = ["/usr/sbin/sshd", "-f", "/etc/ssh/virtops_lab_config", "-E", "/var/log/libvirt/sshd.log"]


def ssh_dir(state: LabState) -> Path:
    return lab_dir(state.name) / "ssh"


def client_key(state: LabState) -> Path:
    return ssh_dir(state) / "id_ed25519"


def known_hosts(state: LabState) -> Path:
    return ssh_dir(state) / "known_hosts"


def control_dir(state: LabState) -> Path:
    return ssh_dir(state) / "cp"


def make_keys(state: LabState) -> None:
    """A key for the client and one for all hosts, made for this lab and gone with it."""
    directory = ssh_dir(state)
    directory.mkdir(mode=0o700)
    control_dir(state).mkdir(mode=0o700)
    for name in ("id_ed25519", "host_key"):
        comment = f"virtops-lab-{state.name}"
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", f"{directory}/{name}"])
    public = (directory / "host_key.pub").read_text().strip()
    known_hosts(state).write_text("".join(f"{host.mgmt_address} {public}\n" for host in state.hosts))


def files(state: LabState, host: Host) -> dict[str, tuple[str, int]]:
    directory = ssh_dir(state)
    settings = f"""ListenAddress {host.mgmt_address}
HostKey /etc/ssh/virtops_lab_host_key
AuthorizedKeysFile /etc/ssh/virtops_lab_authorized_keys
PidFile /run/sshd.pid
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
StrictModes no
MaxStartups 100
MaxSessions 100
SetEnv PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
Subsystem sftp internal-sftp
"""
    return {
        "/etc/ssh/virtops_lab_config": (settings, 0o644),
        "/etc/ssh/virtops_lab_host_key": ((directory / "host_key").read_text(), 0o600),
        "/etc/ssh/virtops_lab_authorized_keys": (client_key(state).with_suffix(".pub").read_text(), 0o644),
    }


def options(state: LabState) -> list[str]:
    # A master connection of a lab that is gone would wait forever; this one notices within 10 s.
    return [
        "-o", "IdentitiesOnly=yes",
        "-o", "StrictHostKeyChecking=yes",
        "-o", f"UserKnownHostsFile={known_hosts(state)}",
        "-o", "ServerAliveInterval=5",
        "-o", "ServerAliveCountMax=2",
    ]  # fmt: skip


def close_masters(state: LabState) -> None:
    """End the shared connections that Ansible leaves open for a minute."""
    if control_dir(state).is_dir():
        for path in control_dir(state).iterdir():
            if path.is_socket():
                run(["ssh", "-o", f"ControlPath={path}", "-O", "exit", "lab"], check=False, timeout_s=10)


def variables(state: LabState, host: Host) -> dict[str, str]:
    return {
        "ansible_host": host.mgmt_address,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(client_key(state)),
        "ansible_ssh_common_args": " ".join(options(state)),
        "ansible_control_path": f"{control_dir(state)}/%%C",
        # Ansible's own 10 s are few for a login on a machine that is busy with three labs.
        "ansible_ssh_timeout": "30",
        "ansible_python_interpreter": "/usr/bin/python3",
        "migration_address": host.migration_address,
    }


def inventory(state: LabState, style: str) -> str:
    """An ordinary inventory; the values hold no quote and no backslash, so quoting them is enough."""
    if style == "ini":
        lines = ["[kvm_hosts]"]
        for host in state.hosts:
            words = " ".join(f'{name}="{value}"' for name, value in variables(state, host).items())
            lines.append(f"{host.name} {words}")
        return "\n".join(lines) + "\n"
    lines = ["---", "kvm_hosts:", "  hosts:"]
    for host in state.hosts:
        lines.append(f"    {host.name}:")
        lines += [f'      {name}: "{value}"' for name, value in variables(state, host).items()]
    return "\n".join(lines) + "\n"
