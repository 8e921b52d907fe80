# SPDX-License-Identifier: GPL-3.0-or-later
"""Several hosts and one stream of events: a guest that seems to run twice, and one host that is named twice."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.watch.event_document import event
from ansible_collections.virtops.live_migration.plugins.module_utils._core.watch.options import watch_options
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.watch import event_source
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.watch.host_watch import Hub

PLUGIN = Path(__file__).resolve().parents[6] / "extensions" / "eda" / "plugins" / "event_source" / "migration_events.py"
Event = dict[str, t.Any]
Script = t.Callable[["Host"], t.Awaitable[None]]


class Host:
    """In the place of a host that is watched: does what the test says, and answers what it is asked."""

    scripts: t.ClassVar[dict[str, Script]] = {}
    runs: t.ClassVar[dict[str, bool]] = {}

    def __init__(self, name: str, _uri: str, hub: Hub) -> None:
        self.name, self.hub = name, hub

    async def run(self) -> None:
        if self.name in self.scripts:
            await self.scripts[self.name](self)
        await asyncio.Event().wait()

    async def ask(self, uuid: str) -> None:
        runs = self.runs[self.name]
        self.hub.running.note(self.name, uuid, active=runs, running=runs)

    def name_of(self, _uuid: str) -> str:
        return "erp01"


def given(monkeypatch: pytest.MonkeyPatch, runs: dict[str, bool], **scripts: Script) -> list[Event]:
    """The events of half a second."""
    monkeypatch.setattr(event_source, "HostWatch", Host)
    monkeypatch.setattr(event_source, "_SURE_AFTER_S", 0.05)
    monkeypatch.setattr(Host, "scripts", scripts)
    monkeypatch.setattr(Host, "runs", runs)
    events: list[Event] = []

    async def put(one: Event) -> None:
        events.append(one)

    async def main() -> None:
        options = watch_options({"hosts": {"a": "qemu+ssh://a/system", "b": "qemu+ssh://b/system"}})
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(event_source.Source(options).run(put), 0.5)

    asyncio.run(main())
    return events


async def seems_to_run(host: Host) -> None:
    if host.hub.running.note(host.name, "U", active=True, running=True):
        host.hub.suspect("U")


def test_a_guest_on_two_hosts_is_told_once_when_both_say_so_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def twice(host: Host) -> None:
        await seems_to_run(host)
        await asyncio.sleep(0.2)
        await seems_to_run(host)

    (told,) = given(monkeypatch, {"a": True, "b": True}, a=twice, b=twice)
    assert (told["type"], told["hosts"], told["uuid"]) == ("guest_on_two_hosts", ["a", "b"], "U")
    assert told["summary"] == "erp01 runs on a and b at once."
    assert "Do nothing automatic" in told["remedy"]
    assert told["at"].endswith("+00:00")


def test_a_guest_that_changes_hosts_at_this_moment_does_not_run_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    assert given(monkeypatch, {"a": False, "b": True}, a=seems_to_run, b=seems_to_run) == []


def test_one_host_named_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    problems: list[MigrationError] = []

    async def claim(host: Host) -> None:
        try:
            host.hub.claim("the same UUID", host.name)
        except MigrationError as exc:
            problems.append(exc)

    given(monkeypatch, {}, a=claim, b=claim)
    assert [one.reason for one in problems] == ["SAME_HOST"]
    assert "'b' leads to the same host as 'a'" in problems[0].problem


def test_a_slow_rulebook_gets_what_matters_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    async def much(host: Host) -> None:
        for number in range(50):
            host.hub.emit(event("progress", host.name, uuid="U", number=number))
        host.hub.emit(event("stuck", host.name, uuid="U"))

    told = given(monkeypatch, {}, a=much)
    assert [(one["type"], one.get("number")) for one in told] == [("progress", 49), ("stuck", None)]


def in_a_rulebook(code: str) -> str:
    """What the code prints in a Python of its own that has run the plugin as ansible-rulebook does: as a file, with no
    package around it, and nothing of the collection on the path."""
    run = f"import asyncio, runpy, sys\nplugin = runpy.run_path(sys.argv[1])\n{code}"
    done = subprocess.run(
        [sys.executable, "-I", "-c", run, str(PLUGIN)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_plugin_finds_its_collection_by_its_own_place() -> None:
    assert in_a_rulebook("print(asyncio.iscoroutinefunction(plugin['main']))") == "True\n"
    utils = PLUGIN.parents[4] / "plugins" / "module_utils"
    assert in_a_rulebook("print(plugin['_utils']())") == f"{utils}\n"


def test_the_plugin_says_what_is_wrong_with_its_arguments() -> None:
    told = in_a_rulebook(
        "try:\n    asyncio.run(plugin['main'](asyncio.Queue(), {}))\n"
        "except Exception as exc:\n    print(exc.reason, exc)"
    )
    assert told.startswith("BAD_OPTION ")
    assert "hosts names no host" in told
