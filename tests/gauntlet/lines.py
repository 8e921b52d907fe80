# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of results, a line of JSON for each, which is on the disk as soon as it is measured."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path


def append(path: Path, document: t.Mapping[str, t.Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(document, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def documents(path: Path) -> list[dict[str, t.Any]]:
    """A last line that was cut off by the end of the machine is left out; anything else that is wrong is an error."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    *whole, rest = text.split("\n")
    if rest:
        path.write_text(text[: len(text) - len(rest)], encoding="utf-8")
    return [json.loads(line) for line in whole]
