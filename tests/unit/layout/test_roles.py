# SPDX-License-Identifier: GPL-3.0-or-later

"""What every role has: a specification that its defaults agree with, a README that names each variable, and names of
its own."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.libvirt_conf import (
    DAEMON_SETTINGS,
    QEMU_SETTINGS,
    is_secret,
)

ROOT = Path(__file__).resolve().parents[3]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
each_role = pytest.mark.parametrize("role", ROLES, ids=[role.name for role in ROLES])


def load(path: Path) -> t.Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def entry_points(role: Path) -> dict[str, dict[str, t.Any]]:
    return t.cast("dict[str, dict[str, t.Any]]", load(role / "meta" / "argument_specs.yml")["argument_specs"])


def options(role: Path) -> dict[str, list[dict[str, t.Any]]]:
    """Each variable of a role, with what each entry point that takes it says about it."""
    found: dict[str, list[dict[str, t.Any]]] = {}
    for specification in entry_points(role).values():
        for name, option in specification.get("options", {}).items():
            found.setdefault(name, []).append(option)
    return found


def tasks_of(value: t.Any) -> t.Iterator[dict[str, t.Any]]:
    if isinstance(value, list):
        for one in value:
            yield from tasks_of(one)
    elif isinstance(value, dict):
        yield value
        for part in ("block", "rescue", "always"):
            yield from tasks_of(value.get(part))


def all_tasks(role: Path) -> t.Iterator[dict[str, t.Any]]:
    for path in sorted((role / "tasks").glob("*.yml")):
        yield from tasks_of(load(path))


@each_role
def test_the_files_are_there(role: Path) -> None:
    for name in ("README.md", "defaults/main.yml", "meta/main.yml", "meta/argument_specs.yml", "tasks/main.yml"):
        assert (role / name).is_file(), name
    for name in entry_points(role):
        assert (role / "tasks" / f"{name}.yml").is_file(), name


@each_role
def test_defaults_and_specification_agree(role: Path) -> None:
    defaults = load(role / "defaults" / "main.yml") or {}
    specified: dict[str, t.Any] = {}
    for name, every in options(role).items():
        for option in every:
            assert ("default" in option) != bool(option.get("required")), f"{name}: a default, or required"
            if "default" in option:
                assert specified.setdefault(name, option["default"]) == option["default"], name
    assert specified == defaults


@each_role
def test_every_option_is_described(role: Path) -> None:
    for specification in entry_points(role).values():
        assert specification["short_description"]
        assert specification["description"]
        assert specification["version_added"]
    for name, every in options(role).items():
        for option in every:
            assert option["description"], name
            assert option["type"], name


@each_role
def test_the_readme_names_every_variable(role: Path) -> None:
    readme = (role / "README.md").read_text(encoding="utf-8")
    assert [name for name in options(role) if f"`{name}`" not in readme] == []
    named = set(re.findall(rf"`({role.name}_\w+)`", readme))
    assert named - set(options(role)) - set(entry_points(role)) - {f"{role.name}_result"} == set()


@each_role
def test_names_are_the_role_s_own(role: Path) -> None:
    assert [name for name in options(role) if not name.startswith(f"{role.name}_")] == []
    internal = f"__{role.name}_"
    made: list[str] = []
    for path in (role / "vars").glob("*.yml"):
        made += load(path) or {}
    for task in all_tasks(role):
        made += [task["register"]] if "register" in task else []
        made += task.get("vars", {})
        made += [name for name in task.get("ansible.builtin.set_fact", {}) if name != "cacheable"]
        made += [value for key, value in task.get("loop_control", {}).items() if key in ("loop_var", "index_var")]
    # What a role hands on to the play is told in its README; all else that it makes is its own.
    readme = (role / "README.md").read_text(encoding="utf-8")
    known = {*options(role), f"{role.name}_result" if f"`{role.name}_result`" in readme else internal}
    assert [name for name in made if not name.startswith(internal) and name not in known] == []


@each_role
def test_no_task_goes_through_a_shell(role: Path) -> None:
    for task in all_tasks(role):
        assert not {"ansible.builtin.shell", "ansible.builtin.raw", "shell", "raw"} & set(task)


def test_the_role_and_the_module_agree_on_what_is_secret() -> None:
    variables = load(ROOT / "roles" / "prerequisites" / "vars" / "main.yml")
    form = re.compile(variables["__prerequisites_secret_form"])
    names = ["vnc_password", "spice_password", "migrate_tls_x509_secret_uuid", "A_PASSWD", "token", "my_credentials"]
    for name in [*names, *QEMU_SETTINGS, *DAEMON_SETTINGS, "x_pwd", "key_passphrase"]:
        assert is_secret(name) == bool(form.search(name)), name


HOSTS = {
    "kvm02": True, "kvm_02.example.org": True, "192.0.2.11": True, "2001:db8::11": True, "::": True,
    "kvm02,DNS:kvm01": False, "kvm02/O=x": False, "kvm02\n[x]": False, "*.example.org": False, "$ENV::HOME": False,
    "a host": False, "fe80::1%eth0": False, "4711": False, "-x": False, "": False, "kvm02\n": False, "a" * 254: False,
}  # fmt: skip


@pytest.mark.parametrize(("name", "taken"), HOSTS.items())
def test_which_names_are_certified(name: str, taken: bool) -> None:
    variables = load(ROOT / "roles" / "prerequisites" / "vars" / "main.yml")
    assert bool(re.match(variables["__prerequisites_tls_name_form"], name)) is taken


BEGIN, END = "-----BEGIN CERTIFICATE REQUEST-----\n", "-----END CERTIFICATE REQUEST-----"
REQUESTS = {
    BEGIN + "MIIB\nAA==\n" + END: True,
    BEGIN + "MIIB\n" + END + "\n": True,
    BEGIN + "MIIB\n" + END + "\n" + BEGIN + "MIIB\n" + END: False,
    "x\n" + BEGIN + "MIIB\n" + END: False,
    BEGIN + "MIIB\n" + END + "\nx": False,
    BEGIN + "{{ 1 }}\n" + END: False,
    BEGIN + ("A" * 64 + "\n") * 41 + END: False,
    BEGIN + "A" * 5000 + "\n" + END: False,
    BEGIN + END: False,
    "": False,
}


@pytest.mark.parametrize(("text", "taken"), REQUESTS.items())
def test_which_requests_are_looked_at(text: str, taken: bool) -> None:
    variables = load(ROOT / "roles" / "prerequisites" / "vars" / "main.yml")
    assert bool(re.match(variables["__prerequisites_tls_request_form"], text)) is taken
