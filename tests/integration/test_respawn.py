# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that Ansible starts under a Python without the libvirt binding."""

from __future__ import annotations

import typing as t

import pytest
from bench.runs import Ansible, assert_refused, task
from virtlab.lab import Lab

BARE = "/run/bare-python"
INTERPRETERS = ("/usr/bin/python3", "/usr/libexec/platform-python", "/usr/local/bin/python3")


@pytest.fixture
def bare_python(lab: Lab) -> t.Iterator[dict[str, str]]:
    """Variables that make Ansible use a Python without libvirt, as a virtual environment is."""
    lab.execute("kvm01", "/usr/bin/python3", "-m", "venv", "--without-pip", BARE)
    assert lab.execute("kvm01", f"{BARE}/bin/python", "-c", "import libvirt", check=False).returncode != 0
    yield {"ansible_python_interpreter": f"{BARE}/bin/python"}
    lab.execute("kvm01", "rm", "-rf", BARE)


@pytest.fixture
def binding_hidden(lab: Lab) -> t.Iterator[None]:
    """Cover the binding of every Python that modules look for, in this host only."""
    lab.execute("kvm01", "sh", "-c", "echo \"raise ImportError('hidden')\" > /run/hidden.py")
    covered = []
    for interpreter in INTERPRETERS:
        find = "import libvirt; print(libvirt.__file__)"
        found = lab.execute("kvm01", "sh", "-c", f'exec {interpreter} -c "{find}"', check=False)
        if found.returncode == 0:
            covered.append(found.stdout.strip())
            lab.execute("kvm01", "mount", "--bind", "/run/hidden.py", covered[-1])
    yield
    for path in covered:
        lab.execute("kvm01", "umount", path)
    lab.execute("kvm01", "rm", "/run/hidden.py")


@pytest.mark.fast
def test_it_finds_a_python_that_has_it(ansible: Ansible, bare_python: dict[str, str]) -> None:
    (result,) = ansible.run("kvm01", task("migration_job_info"), variables=bare_python)
    assert not result["failed"], result
    assert "guests" in result


@pytest.mark.fast
def test_it_says_what_to_install(ansible: Ansible, bare_python: dict[str, str], binding_hidden: None) -> None:
    (result,) = ansible.run("kvm01", task("migration_job_info"), variables=bare_python)
    assert_refused(result, "LIBVIRT_BINDING_MISSING")
    assert "libvirt-python" in result["msg"]
    assert "python3-libvirt" in result["msg"]
