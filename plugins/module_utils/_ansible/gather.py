# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's document, put together from what libvirt tells and, on the host itself, what its own files tell."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

from .._core.host.document import HostDocument
from .._host.document import HostDocumentOptions, HostFiles
from .._host.files import Programs
from .._libvirt.connection import Connection
from .._libvirt.host.document import read_from_libvirt


def gather(
    module: AnsibleModule, connection: Connection, options: HostDocumentOptions, *, with_guests: bool = True
) -> HostDocument:
    if not connection.local:
        return read_from_libvirt(connection, with_guests=with_guests)
    own = HostFiles(options, programs_of(module))
    return own.add_to(read_from_libvirt(connection, with_guests=with_guests))


def programs_of(module: AnsibleModule) -> Programs:
    """Programs of the host, run without a shell and in English."""

    def run(words: list[str]) -> tuple[int, str]:
        code, output, _errors = module.run_command(words, environ_update={"LC_ALL": "C"}, handle_exceptions=False)
        return code, output

    return Programs(run)
