# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of every module: options, an interpreter with libvirt, a connection, and errors told once."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.common.respawn import has_respawned, probe_interpreters_for_module, respawn_module

from .._core.errors import MigrationError
from .._libvirt.connection import LIBVIRT_IMPORT_ERROR, Connection, libvirt
from .._libvirt.errors import translate
from .._libvirt.guest import Guest, find_guest
from .argspec import ONE_GUEST, Spec, connection_spec, guest_spec
from .history import keep_record
from .module import Module
from .option_checks import check_options
from .progress import ProgressFile

Result = dict[str, t.Any]
Work = t.Callable[[AnsibleModule, Connection], Result]
GuestWork = t.Callable[[AnsibleModule, Connection, Guest], Result]

_INTERPRETERS = ["/usr/bin/python3", "/usr/libexec/platform-python", "/usr/local/bin/python3"]


def run(
    argument_spec: Spec, work: Work, *, events: bool = False, documents: t.Collection[str] = (), **module_options: t.Any
) -> t.NoReturn:
    """Run ``work`` as a module and exit with what it returns, or fail with what it raises.

    ``documents``: options that may hold megabytes. They go neither to the host's log nor back with the result.
    """
    spec = {**connection_spec(), **argument_spec}
    module = Module(
        argument_spec=spec,
        supports_check_mode=True,
        no_log=bool(documents),
        **module_options,
    )
    try:
        check_options(spec, module.params)
    except MigrationError as exc:
        _fail(module, exc)
    _require_libvirt(module)
    with ProgressFile(module.params.get("progress_file")):
        try:
            with Connection(module.params["uri"], events=events) as connection:
                result = work(module, connection)
        except MigrationError as exc:
            keep_record(module, exc.facts)
            _fail(module, exc)
        except libvirt.libvirtError as exc:
            _fail(module, translate(exc, "This could not be done."))
        keep_record(module, result)
        if documents:
            given = {name: value for name, value in module.params.items() if name not in documents}
            result = {**result, "invocation": {"module_args": given}}
        module.exit_json(**result)
    raise AssertionError("exit_json does not return")


def run_on_guest(argument_spec: Spec, work: GuestWork, **options: t.Any) -> t.NoReturn:
    """The same for a module that acts on the one guest named by ``name`` or ``uuid``."""

    def on_guest(module: AnsibleModule, connection: Connection) -> Result:
        guest = find_guest(connection, module.params["name"], module.params["uuid"])
        try:
            result = work(module, connection, guest)
        except libvirt.libvirtError as exc:
            raise translate(exc, f"This could not be done to {guest.name!r}.", guest_state=guest.state_text()) from exc
        return {"name": guest.name, "uuid": guest.uuid, **result}

    run(
        {**guest_spec(), **argument_spec},
        on_guest,
        required_one_of=[ONE_GUEST, *options.pop("required_one_of", [])],
        mutually_exclusive=[ONE_GUEST, *options.pop("mutually_exclusive", [])],
        **options,
    )


def set_values(
    module: AnsibleModule,
    before: t.Mapping[str, t.Any],
    wanted: t.Mapping[str, t.Any],
    apply: t.Callable[[str, t.Any], None],
    read: t.Callable[[], t.Mapping[str, t.Any]],
) -> Result:
    """Compare, set what differs, read back; what is in force is returned under the names of the options."""
    differing = {key: value for key, value in wanted.items() if before[key] != value}
    after = {**before, **differing}
    if differing and not module.check_mode:
        after = _apply(differing, apply, read)
        ignored = {key: after[key] for key, value in differing.items() if after[key] != value}
        if ignored:
            raise MigrationError(
                "NOT_IN_FORCE",
                f"libvirt took the new value but did not keep it: {ignored!r} in force, {differing!r} wanted.",
                state=f"In force is {after!r}.",
                remedy="Somebody may have set another value at the same moment; look and run it again.",
            )
    return {"changed": bool(differing), **after, "diff": {"before": dict(before), "after": after}}


def _apply(
    values: t.Mapping[str, t.Any], apply: t.Callable[[str, t.Any], None], read: t.Callable[[], t.Mapping[str, t.Any]]
) -> dict[str, t.Any]:
    """Set one value after the other and read all back; an error on the way says which ones are set already."""
    done: list[str] = []
    try:
        for key, value in values.items():
            apply(key, value)
            done.append(f"{key} was set to {value}")
        return dict(read())
    except (MigrationError, libvirt.libvirtError) as exc:
        if not done:
            raise
        error = exc if isinstance(exc, MigrationError) else translate(exc, "Not everything could be set.")
        state = "Before that, " + " and ".join(done) + "."
        raise MigrationError(
            error.reason, error.problem, state=state, remedy=error.remedy, evidence=error.evidence
        ) from exc


def _require_libvirt(module: AnsibleModule) -> None:
    if LIBVIRT_IMPORT_ERROR is None:
        return
    if not has_respawned():
        interpreter = probe_interpreters_for_module(_INTERPRETERS, "libvirt")
        if interpreter:
            respawn_module(interpreter)
    module.fail_json(
        msg=missing_required_lib("libvirt-python", url="https://libvirt.org/python.html")
        + " On a hypervisor install the package python3-libvirt.",
        reason="LIBVIRT_BINDING_MISSING",
        state="Nothing was changed.",
        remedy="Install the package python3-libvirt on the host that runs the module.",
        evidence={},
        exception=LIBVIRT_IMPORT_ERROR,
    )


def _fail(module: AnsibleModule, exc: MigrationError) -> t.NoReturn:
    module.fail_json(msg=str(exc), **exc.result())
