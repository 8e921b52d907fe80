# SPDX-License-Identifier: GPL-3.0-or-later
"""Where it is noted that the quotas of a guest's virtual processors were lowered, and what they were before."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

from . import supervision_lock


def note_path(uuid: str, directory: t.Optional[Path] = None) -> Path:
    """Below ``/run``: a reboot takes it away with the control groups."""
    return (directory or supervision_lock.DIRECTORY) / f"{uuid}.vcpu-quota"


def is_noted(uuid: str, directory: t.Optional[Path] = None) -> t.Optional[bool]:
    """Whether they were lowered and have not been seen to be what they were since. None: this user may not know."""
    if not supervision_lock.is_uuid(uuid):
        return False
    try:
        os.lstat(note_path(uuid, directory))
    except FileNotFoundError:
        return False
    except OSError:
        return None
    return True
