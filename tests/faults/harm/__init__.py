# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to hosts, networks and migrations, by name, a file for each subject. Each returns when it is over."""

from __future__ import annotations

import typing as t

from scene import Scene

Harm = t.Callable[[Scene], None]


def both(*harms: Harm) -> Harm:
    """One after the other."""

    def harm(scene: Scene) -> None:
        for each in harms:
            each(scene)

    return harm
