# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module refuses in every option that is a URI what would run a program, opens nothing, and tells no password."""

from __future__ import annotations

import copy
import importlib
import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._ansible import module as ansible_module
from ansible_collections.virtops.live_migration.plugins.module_utils._ansible import runner, runner_without_libvirt
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import Call, FakeLibvirt
from ansible_collections.virtops.live_migration.tests.unit.plugins.run_module import ModuleRunner

NAMES = sorted(
    path.stem for path in (Path(__file__).parents[4] / "plugins" / "modules").glob("*.py") if path.stem != "__init__"
)
MODULES = {
    name: importlib.import_module(f"ansible_collections.virtops.live_migration.plugins.modules.{name}")
    for name in NAMES
}
# What the specification does not say that is needed.
NEEDED: dict[str, dict[str, t.Any]] = {
    "evacuation": {"guests": [{"name": "erp01", "strategy": "leave"}]},
    "evacuation_plan_info": {"sources": [], "destinations": [], "readiness": []},
    "guest_agent_services": {"state": "restored"},
}
OF_MIGRATIONS = "migrate_uri"
PASSWORD = "hunter2-open"
Path_ = tuple[str, ...]


class _Seen(BaseException):
    pass


def specification(module: t.Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, t.Any]:
    """What the module hands to Ansible."""
    seen: dict[str, t.Any] = {}

    def stand_in(**options: t.Any) -> None:
        seen.update(options)
        raise _Seen

    with monkeypatch.context() as patch:
        for frame in (runner, runner_without_libvirt):
            patch.setattr(frame, "Module", stand_in)
        with pytest.raises(_Seen):
            module.main()
    return seen


def uri_options(spec: t.Mapping[str, t.Any], before: Path_ = ()) -> t.Iterator[Path_]:
    for name, option in spec.items():
        if name == "uri" or name.endswith("_uri"):
            yield (*before, name)
        yield from uri_options(option.get("options") or {}, (*before, name))


def example(option: t.Mapping[str, t.Any], name: str) -> t.Any:
    if "choices" in option:
        return option["choices"][0]
    if name.endswith("_uri"):
        return "tcp://10.0.0.12" if name == OF_MIGRATIONS else "qemu+tcp://kvm02/system"
    if "options" in option:
        whole = least(option["options"])
        return [whole] if option["type"] == "list" else whole
    return {"str": "erp01", "int": 1, "float": 1.0, "list": [], "dict": {}, "bool": True, "path": "/x", "raw": "{}"}[
        option.get("type", "str")
    ]


def least(spec: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {name: example(option, name) for name, option in spec.items() if option.get("required")}


def given(name: str, seen: t.Mapping[str, t.Any], path: Path_, uri: str) -> dict[str, t.Any]:
    """Options of a module that are in order but for this one."""
    spec = seen["argument_spec"]
    options = {**least(spec), **copy.deepcopy(NEEDED.get(name, {}))}
    for group in seen.get("required_one_of") or []:
        if not set(group) & set(options):
            options[group[0]] = example(spec[group[0]], group[0])
    inner: t.Any = options
    for part in path[:-1]:
        if not inner.get(part):
            inner[part] = example(spec[part], part)
        inner, spec = inner[part], spec[part]["options"]
        if isinstance(inner, list):
            inner.append(least(spec)) if not inner else None
            inner = inner[0]
    inner[path[-1]] = uri
    return options


def test_all_modules_have_the_options() -> None:
    assert len(NAMES) >= 18


@pytest.mark.parametrize("name", NAMES)
def test_programs_are_refused(
    name: str, libvirt: FakeLibvirt, run: ModuleRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call to libvirt that is not expected would fail the test."""
    seen = specification(MODULES[name], monkeypatch)
    found = list(uri_options(seen["argument_spec"]))
    assert ("uri",) in found
    assert seen["argument_spec"]["uri_allow"] == {"type": "list", "elements": "str", "default": []}
    for path in found:
        of_migrations = path[-1] == OF_MIGRATIONS
        attacks = {
            "qemu+ssh://x/system?command=/tmp/x": "URI_NOT_ALLOWED",
            "qemu+ext:///system?command=/tmp/x": "URI_NOT_ALLOWED",
            "qemu+ssh://x/system?mode=direct&proxy=netcat&socket=/x": "URI_NOT_ALLOWED",
            "qemu+ssh://x/system?mode=direct&proxy=netcat&socket=/x;touch /x": "BAD_URI",
            "qemu+ssh://-oProxyCommand=x/system": "BAD_URI",
            "qemu:///system\n": "BAD_URI",
            "unix:///x": "BAD_URI",
            "exec:x": "BAD_URI",
        }
        for uri, reason in attacks.items():
            result = run.fails(MODULES[name], **given(name, seen, path, uri))
            assert result["reason"] == ("BAD_URI" if of_migrations else reason), (path, uri, result["msg"])
            # Of a list it says which one: destinations[0].destination_uri.
            assert ".".join(path) in result["msg"].replace("[0]", "")
            assert not result.get("changed")


@pytest.mark.parametrize("name", NAMES)
def test_no_password_is_told(
    name: str, libvirt: FakeLibvirt, run: ModuleRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(
        ansible_module.Module, "log", lambda _self, text, log_args=None: logged.append(f"{text}{log_args}")
    )
    seen = specification(MODULES[name], monkeypatch)
    for path in uri_options(seen["argument_spec"]):
        for uri in (
            f"qemu+ssh://root:{PASSWORD}@kvm02/system",
            f"qemu+ssh://root:{PASSWORD}@kvm02:port/system",
            f"qemu+ssh:/root:{PASSWORD}@kvm02",
            f"qemu+ssh://root:{PASSWORD}@[broken/system",
            f"qemu+tcp://kvm02/system?password={PASSWORD}",
            f"qemu+tcp://kvm 02/system?password={PASSWORD}",
            f"qemu+tcp://kvm02/system;password={PASSWORD}",
            f"tcp://root:{PASSWORD}@kvm02",
            PASSWORD,
        ):
            options = given(name, seen, path, uri)
            for more in ({}, {"no_such_option": 1}):
                result = run.fails(MODULES[name], _ansible_inject_invocation=True, **options, **more)
                assert PASSWORD not in json.dumps(result), (path, uri)
    assert PASSWORD not in "\n".join(logged)


def test_what_is_allowed_is_opened(libvirt: FakeLibvirt, run: ModuleRunner) -> None:
    uri = "qemu+ssh://root@kvm02/system?keyfile=/etc/keys/id_rsa"
    libvirt.expect(Call("open", uri).raises(38, "Cannot recv data: Connection refused"))
    result = run.fails(MODULES["migration_abort"], name="erp01", uri=uri, uri_allow=["keyfile"])
    assert result["reason"] not in ("BAD_URI", "URI_NOT_ALLOWED")
