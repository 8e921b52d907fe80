# SPDX-License-Identifier: GPL-3.0-or-later
"""A configuration file of libvirt on disk: read whole, and replaced whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
import typing as t

from ansible.module_utils.basic import AnsibleModule

from .._core.errors import MigrationError

_MAX_BYTES = 10 * 1024 * 1024  # more than that libvirt does not read either
_NOTHING = "Nothing was changed."


def real_path(path: str) -> str:
    """Where a symbolic link leads to, so that it is not replaced by a file."""
    return os.path.realpath(path)


def read_conf(path: str) -> t.Optional[str]:
    """Its text, in which each byte that is no UTF-8 stands for itself; None when there is no such file."""
    try:
        # Without waiting for somebody to write into it, if it is a pipe.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise _problem(path, f"cannot be read: {exc.strerror}") from exc
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
        os.close(handle)
        raise _problem(path, "is no file of at most 10 MiB")
    with open(handle, "rb") as file:
        return file.read(_MAX_BYTES).decode("utf-8", "surrogateescape")


def write_conf(module: AnsibleModule, path: str, text: str, *, backup: bool) -> t.Optional[str]:
    """Replace it, with its owner, mode and SELinux context; the path of the copy of what was there before.

    A new file, and every copy, can be read by its owner only from its first moment on: passwords may be in it.
    """
    os.umask(0o077)
    copy = module.backup_local(path) if backup and os.path.exists(path) else None
    try:
        handle, temporary = tempfile.mkstemp(prefix=".virtops-conf.", dir=os.path.dirname(path))
        module.add_cleanup_file(temporary)
        with open(handle, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(handle)
    except OSError as exc:
        raise _problem(path, f"cannot be written: {exc.strerror}") from exc
    module.atomic_move(temporary, path)
    return copy or None


def _problem(path: str, problem: str) -> MigrationError:
    return MigrationError(
        "CONF_FILE",
        f"{path} {problem}.",
        state=_NOTHING,
        remedy="Check the path, its permissions, and the room on its file system.",
    )
