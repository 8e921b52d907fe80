# SPDX-License-Identifier: GPL-3.0-or-later
"""Put on a host as `sitecustomize.py`: counts the calls that a module makes, and kills it before or after one of them.

Environment: CRASH_LOG is a file that gets a line for each call, CRASH_AT a call such as
`before virDomainMigrateToURI3 1`, at which the process ends by SIGKILL. Counted are the calls into libvirt's binding,
and files that are made, replaced or removed outside of the directories of Python and Ansible.
"""

import builtins
import importlib.abc
import importlib.machinery
import os
import signal
import sys
import threading

LOG, AT = os.environ.get("CRASH_LOG", ""), os.environ.get("CRASH_AT", "")
OTHERS = ("/root/.ansible", "/tmp/", "/root/crash", "/usr/", "/dev/", "/proc/")
SILENT = (
    "virEvent",
    "virGetVersion",
    "virInitialize",
    "virRegisterErrorHandler",
    "virGetLastError",
    "virResetLastError",
)
counts = {}
lock = threading.RLock()
own_open = builtins.open


def reached(moment):
    if moment == AT:
        os.kill(os.getpid(), signal.SIGKILL)


def counted(name, function):
    def call(*arguments, **named):
        with lock:
            counts[name] = number = counts.get(name, 0) + 1
            with own_open(LOG, "a") as log:
                log.write(f"{name} {number}\n")
        reached(f"before {name} {number}")
        try:
            return function(*arguments, **named)
        finally:
            reached(f"after {name} {number}")

    return call


def counted_file(name, function):
    inner = counted(name, function)

    def call(path, *arguments, **named):
        plain = isinstance(path, int) or str(path).startswith(OTHERS)
        return (function if plain else inner)(path, *arguments, **named)

    return call


def opened(path, mode="r", *arguments, **named):
    writes = set(mode) & set("wax+") and not isinstance(path, int) and not str(path).startswith(OTHERS)
    return (counted("open", own_open) if writes else own_open)(path, mode, *arguments, **named)


class Finder(importlib.abc.MetaPathFinder):
    """Wraps the functions of `libvirtmod` once it is imported."""

    def find_spec(self, name, path=None, target=None):
        if name != "libvirtmod":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            for each in dir(module):
                if each.startswith("vir") and not each.startswith(SILENT) and callable(getattr(module, each)):
                    setattr(module, each, counted(each, getattr(module, each)))

        spec.loader.exec_module = exec_module
        return spec


if LOG:
    sys.meta_path.insert(0, Finder())
    builtins.open = opened
    for each in ("replace", "rename", "unlink", "mkdir", "remove"):
        setattr(os, each, counted_file(each, getattr(os, each)))
