# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest of the lab with an agent; what is in it is asked past the collection."""

from __future__ import annotations

import base64
import json
import time
import typing as t

from .subject import LIMIT_S, Subject, wait_for


class Inside(Subject):
    """It is to be made with the option ``agent``."""

    def start(self) -> None:
        super().start()
        wait_for(lambda: self.agent("guest-ping") is not None, "the guest agent")

    def agent(self, command: str, **arguments: t.Any) -> t.Any:
        words = json.dumps({"execute": command, "arguments": arguments})
        done = self.lab.virsh(self.source, "qemu-agent-command", self.uuid, words, check=False)
        return json.loads(done.stdout)["return"] if done.returncode == 0 else None

    def begin(self, script: str) -> None:
        """Run this in the guest, and do not wait for it."""
        assert self.agent("guest-exec", path="sh", arg=["-c", script]) is not None

    def read(self, path: str) -> str:
        return self.said("cat", path)

    def said(self, program: str, *words: str) -> str:
        """What the program prints in the guest, however it ends."""
        pid = self.agent("guest-exec", path=program, arg=list(words), **{"capture-output": True})["pid"]
        end_s = time.monotonic() + LIMIT_S
        while not (status := self.agent("guest-exec-status", pid=pid))["exited"]:
            assert time.monotonic() < end_s
            time.sleep(0.05)
        return base64.b64decode(status.get("out-data", "")).decode()
