# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress of a module that takes long, in a file that the action plugin reads while the module runs."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import typing as t

from ansible.module_utils.common.parameters import remove_values

from .argspec import Spec

_MOST_RESULT_CHARACTERS = 512 * 1024  # half of what is read at once

_hidden: set[str] = set()


def hide(secrets: t.Collection[str]) -> None:
    """Take these out of whatever this process tells from now on."""
    _hidden.update(secrets)


def progress_spec() -> Spec:
    return {"progress": {"type": "bool", "default": True}, "progress_file": {"type": "path"}}


class ProgressFile:
    """Appends one JSON object per line: ``pid`` first, ``end`` last (the frame of every module does that), and between
    them what is told; before the end the ``result`` of a module that ends well.

    A file that cannot be written is no reason to stop supervising a migration. Without a path nothing is written.
    """

    def __init__(self, path: t.Optional[str]) -> None:
        self._path = path

    def __enter__(self) -> ProgressFile:
        self._append({"pid": os.getpid()})
        return self

    def __exit__(self, *_exc: object) -> None:
        self._append({"end": True})

    def report(self, entry: t.Mapping[str, t.Any]) -> None:
        """``name``: of the guest; ``line``: what a person reads; the rest is the same for a program."""
        self._append(entry)

    def result(self, result: t.Mapping[str, t.Any], no_log_values: t.Collection[str] = ()) -> None:
        """What the module returns, as Ansible returns it without these values; nothing where it is so long, or of such
        a kind, that it is better fetched."""
        plain = {key: value for key, value in result.items() if value is None or isinstance(value, bool)}
        with contextlib.suppress(TypeError, ValueError):
            told = {**remove_values(dict(result), {*_hidden, *no_log_values}), **plain}
            line = json.dumps({"result": told})
            if len(line) <= _MOST_RESULT_CHARACTERS:
                self._write(line)

    def _append(self, entry: t.Mapping[str, t.Any]) -> None:
        self._write(json.dumps(remove_values(dict(entry), _hidden)))

    def _write(self, line: str) -> None:
        if self._path is None:
            return
        unusable = (OSError, ValueError)  # the latter for a path that no file can have
        with contextlib.suppress(*unusable), open(self._path, "a", encoding="ascii", opener=_open_regular) as file:
            file.write(f"{line}\n")


def _open_regular(path: str, flags: int) -> int:
    """Not a pipe, which would hold up whoever supervises a migration, and not a device."""
    number = os.open(path, flags | os.O_NONBLOCK, 0o666)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(errno.EINVAL, "no regular file", path)
    return number
