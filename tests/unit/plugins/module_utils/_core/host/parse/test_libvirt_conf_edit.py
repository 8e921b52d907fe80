# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.libvirt_conf import parse_conf
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.libvirt_conf_edit import (
    differences,
    with_settings,
)

# As the file comes with libvirt: everything is commented out.
SHIPPED = """\
# The default hostname or IP address which will be used by a migration source
#
#migration_host = "host.example.com"


# Override the port range used for incoming migrations.
#
#migration_port_min = 49152
#migration_port_max = 49215

#user = "libvirt-qemu"
"""
LIVED_IN = 'user = "root"\n  migration_port_max=49183 # enough\ncgroup_controllers = [ "cpu",\n  "memory" ]\n#x = 1'


def test_a_setting_goes_where_people_look_for_it() -> None:
    text = with_settings(SHIPPED, {"migration_host": "192.0.2.11", "migration_port_max": 49183})
    lines = text.splitlines()
    assert lines[lines.index('#migration_host = "host.example.com"') + 1] == 'migration_host = "192.0.2.11"'
    assert lines[lines.index("#migration_port_max = 49215") + 1] == "migration_port_max = 49183"
    assert [line for line in lines if not line.startswith("migration")] == SHIPPED.splitlines()


def test_a_setting_that_is_there_is_replaced() -> None:
    text = with_settings(LIVED_IN, {"migration_port_max": 49190, "migration_address": "192.0.2.11"})
    assert text == (
        'user = "root"\nmigration_port_max = 49190\ncgroup_controllers = [ "cpu",\n  "memory" ]\n#x = 1\n'
        'migration_address = "192.0.2.11"\n'
    )


def test_of_several_lines_libvirt_takes_the_first() -> None:
    text = 'user = "a"\n#x = 1\nuser = "b" # old\nuser = "c"'
    assert with_settings(text, {"user": "a"}) == text
    assert with_settings(text, {"user": "b"}) == 'user = "b"\n#x = 1\n#user = "b" # old\n#user = "c"'


def test_a_list_goes_with_all_of_its_lines() -> None:
    text = "a = [ 1,\n 2 ] # both\nb = 1\na = [ 3,\r\n\r\n  4 ]\r\n"
    assert with_settings(text, {"a": 5}) == "a = 5\nb = 1\n#a = [ 3,\r\n#\r\n#  4 ]\r\n"


def test_several_settings_on_one_line() -> None:
    assert with_settings("a = 1; b = 2\n", {"a": 5}) == "a = 5; b = 2\n"
    assert with_settings("b = 2; a = 1\n", {"a": 5, "c": 7}) == "b = 2; a = 5\nc = 7\n"
    with pytest.raises(MigrationError) as caught:
        with_settings("a = 1; a = 2\n", {"a": 5})
    assert (caught.value.reason, caught.value.state) == ("BAD_CONF", "Nothing was changed.")


def test_an_example_inside_of_a_value_is_none() -> None:
    text = 'note = """\n#user = "x"\n"""\n'
    assert with_settings(text, {"user": "root"}) == text + 'user = "root"\n'
    assert with_settings('#user = "x"\r\na = 1\r\n', {"user": "b"}) == '#user = "x"\r\nuser = "b"\na = 1\r\n'


def test_values_have_no_escapes() -> None:
    assert with_settings("", {"user": "DOM\\user"}) == 'user = "DOM\\user"\n'


def test_differences_show_no_secret() -> None:
    text = 'vnc_password = "old" # once: older\n#spice_password = "gone"\nuser = "a"\nuser = "b"\n'
    wanted: dict[str, t.Union[str, int]] = {
        "vnc_password": "new",
        "spice_password": "newer",
        "user": "c",
        "max_core": 0,
    }
    assert differences(text, wanted) == {
        "before": 'vnc_password = (a former value, which is not shown)\nuser = "a"\nuser = "b"\n',
        "after": "vnc_password = (a new value, which is not shown)\n"
        "spice_password = (a new value, which is not shown)\n"
        'user = "c"\nmax_core = 0\n',
    }
    assert differences(text, {"vnc_password": "old"}) == {"before": "", "after": ""}


def test_an_error_shows_no_secret() -> None:
    with pytest.raises(MigrationError, match="vnc_password must be a text of one line") as caught:
        with_settings("", {"vnc_password": "sw\nfish"})
    assert "fish" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "user = 'root'", LIVED_IN, SHIPPED])
def test_the_second_time_nothing_changes(text: str) -> None:
    settings: dict[str, t.Union[str, int]] = {"user": "root", "migration_port_min": 49160, "note": 'say "hi"'}
    once = with_settings(text, settings)
    assert with_settings(once, settings) == once
    assert parse_conf(once)["note"] == 'say "hi"'
    assert with_settings(once, {}) == once


# what would stop the daemon, or is no value at all
REFUSED: list[tuple[str, dict[str, t.Any], str]] = [
    ("", {"migration_address": "127.0.0.1"}, "does not start"),
    ("", {"migration_address": "127.5.5.5"}, "does not start"),
    ("", {"migration_host": "::1"}, "does not start"),
    ("", {"migration_host": "[::1]"}, "does not start"),
    ("", {"migration_host": "localhost"}, "does not start"),
    ("", {"migration_host": "LOCALHOST.localdomain"}, "does not start"),
    ("", {"migration_host": ""}, "an address or a host name"),
    ("", {"migration_host": " kvm01"}, "an address or a host name"),
    ("", {"migration_port_min": 0}, "a port from 1 to 65535"),
    ("", {"migration_port_max": 65536}, "a port from 1 to 65535"),
    ("", {"migration_port_min": "49152"}, "a port from 1 to 65535"),
    ("", {"migration_port_max": 49151}, "49152 or more"),
    ("migration_port_max = 100\n", {"migration_port_min": 200}, "200 or more"),
    ("", {"user": None}, "a text or a whole number"),
    ("", {"user": True}, "a text or a whole number"),
    ("", {"user": ["a"]}, "a text or a whole number"),
    ("", {"a b": "c"}, "letters, digits and underscores"),
    ("", {"_a": "c"}, "a letter first"),
    ("", {"user": 2**63}, "a number up to"),
    ("", {"user": "a\nb"}, "of one line"),
    ("", {"user": "a\rb"}, "of one line"),
    ("", {"user": "a\0b"}, "of one line"),
    ("", {"user": "'\""}, "one kind of quotes"),
]


@pytest.mark.parametrize(("text", "settings", "message"), REFUSED)
def test_refused(text: str, settings: dict[str, t.Any], message: str) -> None:
    with pytest.raises(MigrationError, match=message) as caught:
        with_settings(text, settings)
    assert caught.value.reason == "BAD_SETTING"


def test_what_listens_here_only_may_be_local() -> None:
    assert 'listen_addr = "127.0.0.1"' in with_settings("", {"listen_addr": "127.0.0.1"})


def test_a_file_that_cannot_be_changed_safely() -> None:
    # The value goes on in the next line; replacing the first one would leave the rest as garbage, or more.
    with pytest.raises(MigrationError) as caught:
        with_settings('user = [ "a",\n migration_host = "b" ]\n', {"user": "root"})
    assert caught.value.reason == "BAD_CONF"


NAMES = st.sampled_from(["user", "group", "migration_host", "max_queued", "new_one"])
VALUES = st.one_of(st.integers(0, 10**6), st.text("abcXYZ019 ./:#=[]'", min_size=1).map(lambda text: f"x{text}x"))


@given(st.sampled_from(["", SHIPPED, LIVED_IN, "user='q'"]), st.dictionaries(NAMES, VALUES))
def test_what_is_asked_for_is_in_force_and_nothing_else_changes(
    text: str, settings: dict[str, t.Union[str, int]]
) -> None:
    if isinstance(settings.get("migration_host"), int):
        del settings["migration_host"]
    after = parse_conf(with_settings(text, settings))
    assert after == {**parse_conf(text), **settings}
