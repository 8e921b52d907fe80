"""A guest image with Debian's systemd: the agent and the lab's own program are services of it, beside a few others.

systemd is that of this machine. It is the guest's first program after a script has loaded the drivers, and `systemctl`
asks it over its own socket, so that there is no message bus.
"""

from __future__ import annotations

from pathlib import Path

from . import agent_image
from .errors import LabError

INIT = agent_image.SOURCES / "systemd-init.sh"
PROGRAMS = {"usr/lib/systemd/systemd": "/lib/systemd/systemd", "bin/systemctl": "/usr/bin/systemctl"}
SETTINGS = {
    # The console is the record of the lab.
    "etc/systemd/system.conf": "[Manager]\nShowStatus=no\nLogTarget=null\nDefaultStandardOutput=null\n",
    "etc/machine-id": "4c0ffee0000040008000000000000001\n",
    "etc/passwd": "root:x:0:0:root:/:/bin/sh\n",
    "etc/group": "root:x:0:\n",
}
_ALONE = "[Unit]\nDefaultDependencies=no\n"  # without the targets of a whole system
_SLEEPS = "[Service]\nExecStart=/bin/sleep 1000000\n"
UNITS = {
    "default.target": f"{_ALONE}Wants=memguest.service agent.service reports.service backup.timer stubborn.service\n",
    "memguest.service": f"{_ALONE}[Service]\nEnvironmentFile=/etc/memguest.env\nExecStart=/memguest\n",
    "agent.service": f"{_ALONE}[Service]\nExecStart=/bin/qemu-ga --path=/dev/vport0p1 --statedir=/run\n",
    "reports.service": f"{_ALONE}{_SLEEPS}",
    "backup.service": f"{_ALONE}[Service]\nType=oneshot\nExecStart=/bin/echo\n",
    "backup.timer": f"{_ALONE}[Timer]\nOnActiveSec=1d\n",
    "idle.service": f"{_ALONE}{_SLEEPS}",
    # systemd refuses to stop it.
    "stubborn.service": f"{_ALONE}RefuseManualStop=yes\n{_SLEEPS}",
}


def build() -> str:
    """As `image.build`, for a guest with an agent and systemd."""
    missing = [path for path in PROGRAMS.values() if not Path(path).is_file()]
    if missing:
        raise LabError(f"no {' and '.join(missing)} on this machine; install the package systemd")
    return agent_image.built("systemd-", [Path(__file__), INIT, *map(Path, PROGRAMS.values())], _files)


def _files() -> dict[str, bytes]:
    files = {"init": INIT.read_bytes()}
    for name, path in PROGRAMS.items():
        files[name] = Path(path).read_bytes()
        files.update((library, real.read_bytes()) for library, real in agent_image.libraries(Path(path)))
    files.update((name, text.encode()) for name, text in SETTINGS.items())
    files.update((f"etc/systemd/system/{name}", text.encode()) for name, text in UNITS.items())
    return files
