# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes each task's result, as Ansible got it, as a line of JSON to the file named by VIRTOPS_RESULTS."""

from __future__ import annotations

import json
import os
import time
import typing as t

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: virtops_results
type: notification
short_description: Task results as lines of JSON
description:
  - For tests, which compare results and not the text that a person reads.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "virtops_results"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._began: dict[tuple[str, str], float] = {}

    def _write(self, **fields: t.Any) -> None:
        with open(os.environ["VIRTOPS_RESULTS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(fields, default=str) + "\n")

    def _task(self, status: str, result: t.Any, **more: t.Any) -> None:
        # Newer versions of ansible-core give the same under public names, and warn of the private ones.
        new = hasattr(result, "task_name") and hasattr(result, "result")
        task, host, data = (
            (result.task, result.host, result.result) if new else (result._task, result._host, result._result)
        )
        seconds = time.monotonic() - self._began.pop((task._uuid, host.get_name()), time.monotonic())
        self._write(status=status, task=task.get_name(), host=host.get_name(), seconds=seconds, result=data, **more)

    def v2_runner_on_start(self, host: t.Any, task: t.Any) -> None:
        self._began[task._uuid, host.get_name()] = time.monotonic()

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._task("ok", result)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self._task("failed", result, ignored=ignore_errors)

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        self._task("unreachable", result)

    def v2_runner_on_skipped(self, result: t.Any) -> None:
        self._task("skipped", result)

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        self._write(status="stats", custom=stats.custom)
