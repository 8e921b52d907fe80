# SPDX-License-Identifier: GPL-3.0-or-later
"""Put on a host as `sitecustomize.py`: counts the calls that a module makes, and does harm before or after one of them.

Environment: CRASH_LOG is a file that gets a line for each call, CRASH_AT a call such as
`before virDomainMigrateToURI3 1`, and CRASH_HOW what happens there: `killed` ends the process by SIGKILL, `cut` ends
its connections to libvirt, `held` waits for a file LOG.go, while others do something. A file LOG.done says that it has
happened. Counted are the calls into libvirt's binding, and files that are made, replaced or removed outside of the
directories of Python and Ansible.
"""

import builtins
import contextlib
import importlib.abc
import importlib.machinery
import os
import signal
import socket
import sys
import threading
import time

LOG, AT, HOW = (os.environ.get(f"CRASH_{name}", "") for name in ("LOG", "AT", "HOW"))
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


def done():
    own_open(f"{LOG}.done", "w").close()


def killed():
    done()
    os.kill(os.getpid(), signal.SIGKILL)


def cut():
    """As if the daemons had ended: those of this host, by their sockets, and of others, by their port."""
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(number))) as copy:
            peer = copy.getpeername()
            if "libvirt" in peer if isinstance(peer, str) else peer[1:2] == (16509,):
                copy.shutdown(socket.SHUT_RDWR)
                done()


def held():
    done()
    while not os.path.exists(f"{LOG}.go"):
        time.sleep(0.02)


def reached(moment):
    if moment == AT:
        {"killed": killed, "cut": cut, "held": held}[HOW]()


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
