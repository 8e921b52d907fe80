# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ctypes
import time
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.libvirt_conf import (
    DAEMON_SETTINGS,
    QEMU_SETTINGS,
    Value,
    chosen,
    is_secret,
    parse_conf,
    parse_file,
)

TEXT = """
# migration_address = "0.0.0.0"
migration_host = "10.231.1.11"
  migration_port_min=49160
migration_port_max = 49170   # a comment
security_driver = [ "selinux", 'apparmor' ]
shared_filesystems = [
  "/srv/a",
  "/srv/b", ]
user = "root"
user = "+107"
vnc_password = "swordfish"
name_with_hash = "a # b"
"""


def test_settings() -> None:
    found = parse_conf(TEXT)
    assert found == {
        "migration_host": "10.231.1.11",
        "migration_port_min": 49160,
        "migration_port_max": 49170,
        "security_driver": ["selinux", "apparmor"],
        "shared_filesystems": ["/srv/a", "/srv/b"],
        "user": "root",
        "vnc_password": "swordfish",
        "name_with_hash": "a # b",
    }


def test_only_what_matters_is_shown() -> None:
    assert "vnc_password" not in chosen(parse_conf(TEXT), QEMU_SETTINGS)
    assert chosen({"user": "a", "security_driver": ["a", 1], "group": [["a"]]}, QEMU_SETTINGS) == {"user": "a"}


def test_which_values_are_secret() -> None:
    secret = ["vnc_password", "spice_password", "vnc_tls_x509_secret_uuid", "migrate_tls_x509_secret_uuid", "a_PASSWD"]
    assert [name for name in secret if not is_secret(name)] == []
    assert [name for name in (*QEMU_SETTINGS, *DAEMON_SETTINGS, "sasl_allowed_username_list") if is_secret(name)] == []


# What virConfReadString of libvirt 9.0 makes of them; None is an error.
GRAMMAR: list[tuple[str, t.Optional[list[tuple[str, Value]]]]] = [
    ("", []),
    ("\n", None),
    ("#c", []),
    ("a=1", [("a", 1)]),
    ("a=1\na='x'", [("a", 1), ("a", "x")]),
    ("a=1;b=2 ;# c\nc=3", [("a", 1), ("b", 2), ("c", 3)]),
    ("a=1\rb=2\r\n", [("a", 1), ("b", 2)]),
    ("a=1;;", None),
    ("a=1 b=2", None),
    ("a='x\\'", [("a", "x\\")]),
    ("a='x\\'y'", None),
    ("a='x\ny'", None),
    ("a='\"'", [("a", '"')]),
    ('a="""x\n"y"""', [("a", 'x\n"y')]),
    ('a=""""""\n', [("a", "")]),
    ('a=""""""', None),  # it asks for one more character
    ('a="""x', None),
    ("a=-0;b=+5;c=-7", [("a", 0), ("b", 5), ("c", -7)]),
    ("a=0x10", None),
    ("a=-", None),
    ("a=", None),
    ("a=\n1", None),
    ("a", None),
    ("_a=1", None),
    ("a-b=1", None),
    ("\ufeffa=1", None),
    ("a=[]", [("a", [])]),
    ("a=[1,'x',[2,],]", [("a", [1, "x", [2]])]),
    ("a=[\n1\n,2\n]", [("a", [1, 2])]),
    ("a=[,]", None),
    ("a=[1 2]", None),
    ("a=[1 # c\n]", None),
    ("a=[1", None),
    ("a=[1,", None),
    ("a=[1]]", None),
]


def entries(text: str) -> t.Optional[list[tuple[str, Value]]]:
    try:
        return [(entry.name, entry.value) for entry in parse_file(text).entries]
    except MigrationError:
        return None


@pytest.mark.parametrize(("text", "expected"), GRAMMAR)
def test_the_grammar(text: str, expected: t.Optional[list[tuple[str, Value]]]) -> None:
    assert entries(text) == expected


# Where libvirt counts on beyond the ends of its numbers and texts, or of its stack.
@pytest.mark.parametrize(
    "text", ["a=9223372036854775808", "a=-9223372036854775809", "a=" + "9" * 5000, "a='x\0y'", "a=" + "[" * 5000]
)
def test_what_is_refused_that_libvirt_would_misread(text: str) -> None:
    assert entries(text) is None


def test_an_error_names_the_line_and_nothing_that_stands_there() -> None:
    with pytest.raises(MigrationError, match="Line 3 is nothing that libvirt takes") as caught:
        parse_conf("# x\r\na = 1\nvnc_password = swordfish\n")
    assert caught.value.reason == "BAD_CONF"
    assert "swordfish" not in str(caught.value.result()) + str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "a = [" + '\\"' * 20_000,
        'a = ["' + '\\"' * 20_000 + '"]',
        "a = [" + "'x'," * 50_000 + "]",
        "a = 1\n" * 50_000,
        "a = 1;" * 50_000,
        'a = """' + '"\n' * 50_000,
        "#" * 200_000,
        "a = " + "'" * 200_000,
    ],
    ids=lambda text: text[:8],
)
def test_linear_time(text: str) -> None:
    began_s = time.process_time()
    entries(text)
    assert time.process_time() - began_s < 2


class _ConfValue(ctypes.Structure):
    pass


# struct _virConfValue of virconf.h
_ConfValue._fields_ = [
    ("type", ctypes.c_int),
    ("next", ctypes.POINTER(_ConfValue)),
    ("number", ctypes.c_longlong),
    ("text", ctypes.c_char_p),
    ("list", ctypes.POINTER(_ConfValue)),
]


def _plain(pointer: t.Any) -> Value:
    value = pointer.contents
    if value.type in (1, 2):
        return int(value.number)
    if value.type == 3:
        return str(value.text.decode("utf-8", "surrogateescape"))
    found, one = [], value.list
    while one:
        found.append(_plain(one))
        one = one.contents.next
    return found


@pytest.fixture(scope="module")
def libvirt_reads() -> t.Callable[[str], t.Optional[list[tuple[str, Value]]]]:
    """libvirt's own parser, which its library has for its own daemons."""
    try:
        library = ctypes.CDLL("libvirt.so.0")
        read, walk, free = library.virConfReadString, library.virConfWalk, library.virConfFree
    except (OSError, AttributeError):
        pytest.skip("The library of libvirt is not installed here, or does not let its parser be called.")
    read.restype, read.argtypes = ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_uint]
    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.POINTER(_ConfValue), ctypes.c_void_p)
    walk.argtypes, free.argtypes = [ctypes.c_void_p, callback, ctypes.c_void_p], [ctypes.c_void_p]
    silent = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(lambda _data, _error: None)
    library.virSetErrorFunc(None, silent)
    library.keep = silent

    def parse(text: str) -> t.Optional[list[tuple[str, Value]]]:
        conf = read(text.encode("utf-8", "surrogateescape"), 0)
        if not conf:
            return None
        found: list[tuple[str, Value]] = []

        def note(name: bytes, value: t.Any, _data: t.Any) -> int:
            found.append((name.decode(), _plain(value)))
            return 0

        walk(conf, callback(note), None)
        free(conf)
        return found

    return parse


PIECES = ["a", "b", "_", "A9", "=", "=", "'", '"', '"""', "[", "]", ",", "#", ";", "\n", "\r", " ", "\t", "1", "-", "+"]
PIECES += ["12", "\\", "\u00e9", '"t"', "'u'", "a=1", "a = 'q'\n", "[1,2]", "\v", "]\n"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=16).map("".join)


@settings(max_examples=1500, deadline=None)
@given(text=TEXTS)
def test_read_as_libvirt_reads_it(
    libvirt_reads: t.Callable[[str], t.Optional[list[tuple[str, Value]]]], text: str
) -> None:
    assert entries(text) == libvirt_reads(text)


@pytest.mark.parametrize(("text", "expected"), GRAMMAR)
def test_the_table_is_libvirt_s(
    libvirt_reads: t.Callable[[str], t.Optional[list[tuple[str, Value]]]],
    text: str,
    expected: t.Optional[list[tuple[str, Value]]],
) -> None:
    assert libvirt_reads(text) == expected
