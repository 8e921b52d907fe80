# SPDX-License-Identifier: GPL-3.0-or-later
"""URIs: what is taken, what is refused, what becomes of a host that is put into one, and what of them is secret."""

from __future__ import annotations

import string
import typing as t

import pytest

from ansible_collections.virtops.live_migration.plugins.module_utils._core import libvirt_uri
from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.libvirt_uri import (
    KNOWN_PARAMETERS,
    LibvirtUri,
    MigrationUri,
    for_host,
    host_of,
    is_host,
    is_local,
    parse,
    parse_migration_uri,
    secrets_in,
    uri_secrets,
)

TAKEN = {
    "qemu:///system": LibvirtUri("qemu", "", "", "", None, "/system"),
    "qemu:///session": LibvirtUri("qemu", "", "", "", None, "/session"),
    "qemu+unix:///system": LibvirtUri("qemu", "unix", "", "", None, "/system"),
    "qemu+tcp:///system": LibvirtUri("qemu", "tcp", "", "", None, "/system"),
    "test:///default": LibvirtUri("test", "", "", "", None, "/default"),
    "qemu://kvm02/system": LibvirtUri("qemu", "", "", "kvm02", None, "/system"),
    "qemu+ssh://root@kvm02/system": LibvirtUri("qemu", "ssh", "root", "kvm02", None, "/system"),
    "qemu+ssh://root@kvm02/system?no_tty=1": LibvirtUri(
        "qemu", "ssh", "root", "kvm02", None, "/system", (("no_tty", "1"),)
    ),
    "qemu+libssh2://kvm-02.example.com:2222/system": LibvirtUri(
        "qemu", "libssh2", "", "kvm-02.example.com", 2222, "/system"
    ),
    "qemu+libssh://ansible_1@kvm_02/system": LibvirtUri("qemu", "libssh", "ansible_1", "kvm_02", None, "/system"),
    "qemu+ssh://admin%40EXAMPLE.COM@kvm02/system": LibvirtUri(
        "qemu", "ssh", "admin@EXAMPLE.COM", "kvm02", None, "/system"
    ),
    "qemu+tls://10.0.0.12/system": LibvirtUri("qemu", "tls", "", "10.0.0.12", None, "/system"),
    "qemu+tcp://[2001:db8::12]:16509/system": LibvirtUri("qemu", "tcp", "", "2001:db8::12", 16509, "/system"),
    "qemu+tcp://[fe80::1%25eth0]/system": LibvirtUri("qemu", "tcp", "", "fe80::1%eth0", None, "/system"),
}

# Each in the place of the whole URI. Some run a program or a shell with libvirt as it is, the others are near to that.
PROGRAMS = [
    "qemu+ssh://x/system?command=/tmp/x",
    "qemu+ssh://x/system?keyfile=/tmp/k&command=/tmp/x",
    "qemu+ssh://x/system?no_tty=1&command=/tmp/x",
    "qemu+ssh://x/system?COMMAND=/tmp/x",
    "qemu+ssh://x/system?netcat=/tmp/x",
    "qemu+ssh://x/system?proxy=netcat",
    "qemu+ssh://x/system?mode=direct",
    "qemu+ssh://x/system?mode=direct&proxy=netcat&socket=/x",
    "qemu+unix:///system?socket=/tmp/s",
    "qemu:///system?socket=/tmp/s",
    "qemu+ssh://x/system?authfile=/tmp/a",
    "qemu+tls://x/system?pkipath=/tmp/p",
    "qemu+tls://x/system?no_verify=1",
    "qemu+tls://x/system?no_sanity=1",
    "qemu+tls://x/system?tls_priority=NORMAL",
    "qemu+libssh2://x/system?known_hosts=/dev/null&known_hosts_verify=ignore",
    "qemu+libssh://x/system?sshauth=privkey",
    "qemu+tcp://x/system?auth=none",
    "qemu+ssh://x/system?name=qemu:///session",
    "qemu:///system?root=/tmp/x",
    "qemu+tcp://x/system?something_new=1",
    "qemu+ssh://x/system?no_tty=maybe",
    "qemu+ext:///system?command=/tmp/x",
    "qemu+ext://x/system",
]
MALFORMED = [
    "",
    " ",
    "nonsense",
    "kvm02",
    "/system",
    "qemu",
    "qemu:",
    "qemu:/system",
    "qemu:system",
    "qemu://",
    "qemu:////system",
    "qemu:///system/",
    "qemu:///system//",
    "qemu:///",
    "qemu:///SYSTEM",
    "qemu:///embed",
    "qemu:///etc",
    "qemu:///system?",
    "qemu:///system#x",
    "qemu+ssh://x/system?no_tty=1#x",
    "qemu:///system\n",
    "\nqemu:///system",
    "qemu:///system\x00",
    "qemu:///system\t",
    " qemu:///system",
    "qemu:///system ",
    "qemu:///sy stem",
    "qemu:///%73ystem",
    "qemu:///system%00",
    "QEMU:///system",
    "qemu+SSH://x/system",
    "qemu+EXT:///system?command=/tmp/x",
    "qemu+e%78t:///system?command=/tmp/x",
    "qemu%2Bext:///system?command=/tmp/x",
    "qemu+://x/system",
    "qemu++ssh://x/system",
    "qemu+ssh+ext://x/system",
    "qemu+rsh://x/system",
    "xen:///system",
    "lxc:///system",
    "esx://x/system",
    "remote:///system",
    "test:///tmp/x.xml",
    "test+ssh://x/system",
    "file:///etc/passwd",
    "tcp://kvm02",
    # the query, in ways in which two parsers may see two things
    "qemu+ssh://x/system?no_tty",
    "qemu+ssh://x/system?=x",
    "qemu+ssh://x/system?&no_tty=1",
    "qemu+ssh://x/system?no_tty=1&",
    "qemu+ssh://x/system?no_tty=1&&no_tty=1",
    "qemu+ssh://x/system?no_tty=1&NO_TTY=0",
    "qemu+ssh://x/system?no_tty=1;command=/tmp/x",
    "qemu+ssh://x/system;command=/tmp/x",
    "qemu+ssh://x/system?c%6fmmand=/tmp/x",
    "qemu+ssh://x/system?%63ommand=/tmp/x",
    "qemu+ssh://x/system?com%00mand=/tmp/x",
    "qemu+ssh://x/system?no_tty=1%26command=/tmp/x",
    "qemu+ssh://x/system?no_tty=1%",
    "qemu+ssh://x/system?no_tty=%zz",
    "qemu+ssh://x/system?no_tty=%ff",
    "qemu+ssh://x/system?no_tty=1?command=/tmp/x",
    "qemu+ssh://x/system?command =/tmp/x",
    "qemu+ssh://x/system?command=/tmp/x;id",
    "qemu+ssh://x/system?socket=/x;CMD",
    "qemu+ssh://x/system?socket=/x%3BCMD",
    "qemu+ssh://x/system?socket=/x%0ACMD",
    "qemu+ssh://x/system?socket=$(CMD)",
    "qemu+ssh://x/system?socket=`CMD`",
    "qemu+ssh://x/system?netcat=-e",
    # users
    "qemu+ssh://-oProxyCommand=x@h/system",
    "qemu+ssh://-oProxyCommand%3Dx@h/system",
    "qemu+ssh://%2DoProxyCommand@h/system",
    "qemu+ssh://-l@h/system",
    "qemu+ssh://@h/system",
    "qemu+ssh://root:secret@h/system",
    "qemu+ssh://root%3Asecret@h/system",
    "qemu+ssh://root@evil@h/system",
    "qemu+ssh://ro ot@h/system",
    "qemu+ssh://root%20x@h/system",
    "qemu+ssh://root%0Ax@h/system",
    "qemu+ssh://r\u00f6ot@h/system",
    "qemu+ssh://root;id@h/system",
    "qemu+ssh://$(id)@h/system",
    "qemu+ssh://root@/system",
    # hosts
    "qemu+ssh://-oProxyCommand=x/system",
    "qemu+ssh://-host/system",
    "qemu+ssh://root@-host/system",
    "qemu+ssh://host-/system",
    "qemu+ssh://.host/system",
    "qemu+ssh://a..b/system",
    "qemu+ssh://h%2Fsystem/system",
    "qemu+ssh://h%3fcommand=x/system",
    "qemu+ssh://h%00/system",
    "qemu+ssh://h\\x/system",
    "qemu+ssh://h\u0000/system",
    "qemu+ssh://kvm\u200b02/system",
    "qemu+ssh://kvm\u202e02/system",
    "qemu+ssh://\u043avm02/system",
    "qemu+ssh://kvm\uff0e02/system",
    "qemu+ssh://kvm\u2100/system",
    "qemu+ssh://h,i/system",
    "qemu+ssh://h|i/system",
    "qemu+ssh://h;i/system",
    "qemu+ssh://{host}/system",
    "qemu+ssh://[h]/system",
    "qemu+ssh://[1.2.3.4]/system",
    "qemu+ssh://[::1/system",
    "qemu+ssh://::1/system",
    "qemu+ssh://[::g]/system",
    "qemu+ssh://[::1]x/system",
    "qemu+ssh://[fe80::1%eth0]/system",
    "qemu+ssh://[fe80::1%25]/system",
    "qemu+ssh://[fe80::1%25-x]/system",
    "qemu+ssh://[v1.x]/system",
    "qemu+unix://h/system",
    f"qemu+ssh://{'a' * 254}/system",
    # ports
    "qemu+ssh://h:/system",
    "qemu+ssh://h:0/system",
    "qemu+ssh://h:65536/system",
    "qemu+ssh://h:99999/system",
    "qemu+ssh://h:-1/system",
    "qemu+ssh://h:22:23/system",
    "qemu+ssh://h:ssh/system",
    "qemu+ssh://h:\u0662\u0662/system",
    "qemu:///system?" + "no_tty=1&" * 500 + "no_tty=1",
    None,
    7,
    b"qemu:///system",
    ["qemu:///system"],
]


def refused(function: t.Callable[..., object], *arguments: t.Any) -> MigrationError:
    with pytest.raises(MigrationError) as caught:
        function(*arguments)
    assert caught.value.state
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize("uri", TAKEN)
def test_taken(uri: str) -> None:
    assert parse(uri) == TAKEN[uri]


@pytest.mark.parametrize("uri", PROGRAMS)
def test_what_names_programs_and_files_is_refused(uri: str) -> None:
    assert refused(parse, uri).reason == "URI_NOT_ALLOWED"


@pytest.mark.parametrize("uri", MALFORMED, ids=repr)
def test_malformed(uri: t.Any) -> None:
    """Whatever is allowed."""
    everything = [*KNOWN_PARAMETERS, "ext", "root"]
    for allow in ((), everything, None):
        error = refused(parse, uri, allow)
        assert error.reason == ("URI_NOT_ALLOWED" if uri == "qemu+ssh://x/system?no_tty=maybe" else "BAD_URI")
        assert "secret" not in str(error)


@pytest.mark.parametrize("name", sorted(KNOWN_PARAMETERS - {"no_tty"}))
def test_each_parameter_alone_has_to_be_allowed(name: str) -> None:
    for spelt in (name, name.upper(), name.title()):
        uri = f"qemu+ssh://h/system?{spelt}=1"
        error = refused(parse, uri, KNOWN_PARAMETERS - {name})
        assert error.reason == "URI_NOT_ALLOWED"
        assert name in error.remedy
        assert parse(uri, [name]).parameters == ((name, "1"),)
        assert parse(uri, [name.upper()]).parameters == ((name, "1"),)


def test_allowed_by_the_administrator() -> None:
    uri = "qemu+ssh://root@kvm02/system?keyfile=/etc/keys/id_rsa&known_hosts=%2Fetc%2Fhosts"
    assert parse(uri, ["keyfile", "known_hosts"]).parameters == (
        ("keyfile", "/etc/keys/id_rsa"),
        ("known_hosts", "/etc/hosts"),
    )
    ext = "qemu+ext:///system?command=/usr/local/bin/tunnel"
    assert refused(parse, ext, ["command"]).reason == "URI_NOT_ALLOWED"
    assert refused(parse, ext, ["ext"]).reason == "URI_NOT_ALLOWED"
    assert parse(ext, ["ext", "command"]).transport == "ext"
    own = "qemu+tcp://kvm02/system?password=s%C3%A9same%20open"
    assert parse(own, ["password"]).parameters == (("password", "s\u00e9same open"),)


def test_a_value_says_nothing_to_a_shell() -> None:
    """Of libvirt's own parameters, allowed or not, in any of the signs of ASCII, as they are and escaped."""
    harmless = set(string.ascii_letters + string.digits + "_./:@%+,=-")
    for code in range(1, 128):
        sign = chr(code)
        for written in (sign, f"%{code:02x}"):
            uri = f"qemu+ssh://h/system?socket=/x{written}y"
            try:
                value = dict(parse(uri, ["socket"]).parameters)["socket"]
            except MigrationError:
                assert sign not in harmless or sign == "%", sign
            else:
                assert set(value) <= harmless, sign


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("tcp://10.0.0.12", MigrationUri("tcp", "10.0.0.12", None)),
        ("tcp://kvm02-migration:49152", MigrationUri("tcp", "kvm02-migration", 49152)),
        ("tcp://[fd00::12]:49200", MigrationUri("tcp", "fd00::12", 49200)),
        ("rdma://10.0.0.12:49152", MigrationUri("rdma", "10.0.0.12", 49152)),
    ],
)
def test_addresses_to_send_memory_to(uri: str, expected: MigrationUri) -> None:
    assert parse_migration_uri(uri) == expected


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "tcp://",
        "tcp:kvm02",
        "tcp:kvm02:49152",
        "tcp:/kvm02",
        "tcp:///",
        "tcp://kvm02/",
        "tcp://kvm02/x",
        "tcp://kvm02?x=1",
        "tcp://kvm02#x",
        "tcp://root@kvm02",
        "tcp://-kvm02",
        "tcp://kvm02:0",
        "tcp://kvm02:65536",
        "tcp://kvm02:",
        "tcp://kvm02 ",
        "tcp://kvm02\n",
        "tcp://kvm02,exec:id",
        "tcp://kvm%3002",
        "TCP://kvm02",
        "exec:id",
        "exec://id",
        "fd:3",
        "file:///tmp/x",
        "unix:///tmp/x",
        "ext://kvm02",
        "qemu+tcp://kvm02/system",
        "kvm02",
        "tcp://{host}",
        None,
    ],
    ids=repr,
)
def test_addresses_that_are_none(uri: t.Any) -> None:
    assert refused(parse_migration_uri, uri).reason == "BAD_URI"


@pytest.mark.parametrize(
    ("template", "host", "uri"),
    [
        ("qemu+ssh://root@{host}/system", "kvm02", "qemu+ssh://root@kvm02/system"),
        ("qemu+ssh://root@{host}/system", "10.0.0.12", "qemu+ssh://root@10.0.0.12/system"),
        ("qemu+tls://{host}:16515/system", "fd00::12", "qemu+tls://[fd00::12]:16515/system"),
        ("qemu+tls://[{host}]/system", "fd00::12", "qemu+tls://[fd00::12]/system"),
        ("qemu+tls://{host}/system", "fe80::1%eth0", "qemu+tls://[fe80::1%25eth0]/system"),
        ("qemu+tls://{host}.mgmt.example.com/system", "kvm02", "qemu+tls://kvm02.mgmt.example.com/system"),
        ("tcp://{host}-migration", "kvm02", "tcp://kvm02-migration"),
        ("rdma://{host}:49152", "kvm02", "rdma://kvm02:49152"),
    ],
)
def test_a_host_put_into_a_uri(template: str, host: str, uri: str) -> None:
    assert for_host(template, host) == uri


NO_HOSTS = [
    "",
    " ",
    "kvm02/system?mode=direct&proxy=netcat&socket=/x",
    "kvm02/system?command=/tmp/x&x=",
    "kvm02?command=/tmp/x",
    "kvm02#",
    "root@kvm02",
    "kvm02:22",
    "-oProxyCommand=id",
    "kvm02\n",
    "\nkvm02",
    "kvm02 ",
    "kvm\u200b02",
    "kv\u043c02",
    "kvm%3002",
    "{host}",
    "{{ host }}",
    "[fd00::12]",
    "fd00::12%",
    "fd00::12%-x",
    "fd00::12%eth0/x",
    "fd00::12/64",
    "a..b",
    ".",
    "..",
    "../x",
    "$(id)",
    "`id`",
    "a;b",
    "a,b",
    "a|b",
    "a\\b",
    "a'b",
    "a" * 254,
    None,
    7,
    True,
    ["kvm02"],
]


@pytest.mark.parametrize("host", NO_HOSTS, ids=repr)
def test_what_is_no_host_is_not_put_into_a_uri(host: t.Any) -> None:
    assert not is_host(host)
    for template in ("qemu+ssh://root@{host}/system", "tcp://{host}", "{host}", "qemu+ssh://{host}"):
        assert refused(for_host, template, host).reason == "BAD_HOST"


@pytest.mark.parametrize(
    "template",
    [
        "qemu+ssh://root@kvm02/system",  # leads to one host, whichever is meant
        "qemu+ssh://root@{ host }/system",
        "qemu+ssh://root@{{host}}/system",
        "qemu+ssh://root@{host}/{host}",
        "{host}",
        "unix://{host}",
        "",
        None,
        7,
    ],
)
def test_templates_that_are_none(template: t.Any) -> None:
    assert refused(for_host, template, "kvm02").reason == "BAD_URI"


def test_a_template_with_parameters() -> None:
    template = "qemu+ssh://root@{host}/system?keyfile=/etc/keys/{host}"
    assert refused(for_host, template, "kvm02").reason == "URI_NOT_ALLOWED"
    assert for_host(template, "kvm02", ["keyfile"]) == "qemu+ssh://root@kvm02/system?keyfile=/etc/keys/kvm02"


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("qemu+ssh://root@kvm02/system", "kvm02"),
        ("qemu+tcp://10.0.0.12:16509/system?no_verify=1", "10.0.0.12"),
        ("tcp://10.0.0.12", "10.0.0.12"),
        ("tcp://10.0.0.12:49200", "10.0.0.12"),
        ("tcp://[fd00::12]:49200", "fd00::12"),
        ("tcp:kvm02", None),
        ("qemu:///system", None),
        ("qemu+ext://kvm02/system?command=/usr/bin/tunnel", "kvm02"),
        ("", None),
        (None, None),
    ],
)
def test_host(uri: str | None, host: str | None) -> None:
    assert host_of(uri) == host


@pytest.mark.parametrize(
    ("uri", "local"),
    [
        ("qemu:///system", True),
        ("qemu:///session", True),
        ("qemu+unix:///system", False),
        ("test:///default", True),
        ("qemu+unix:///system?socket=/run/forwarded", False),
        ("qemu://kvm02/system", False),
        ("qemu+tcp:///system", False),
        ("qemu+ext:///system?command=/usr/bin/tunnel", False),
        ("nonsense", False),
        (None, False),
    ],
)
def test_local(uri: t.Any, local: bool) -> None:
    assert is_local(uri) is local


# --- secrets


@pytest.mark.parametrize(
    "uri",
    [
        "qemu:///system",
        "qemu+ssh://root@kvm02/system?keyfile=/etc/keys/id_rsa&no_verify=1",
        "qemu+tls://kvm02/system?pkipath=/etc/pki/kvm",
        "qemu+tcp://[fe80::1]/system",
        "tcp://10.0.0.12:49152",
        "",
    ],
)
def test_nothing_to_hide(uri: str) -> None:
    assert uri_secrets(uri) == set()


def test_what_libvirt_does_not_know() -> None:
    uri = "qemu+tls://kvm02/system?pkipath=/etc/pki&tls_password=s%C3%A9same-open&token=abcd"
    assert uri_secrets(uri) == {"s%C3%A9same-open", "s\u00e9same-open", "abcd"}


@pytest.mark.parametrize(
    ("uri", "password"),
    [
        ("qemu+ssh://root:hunter2!@kvm02/system", "hunter2!"),
        ("qemu+ssh://root:hunter2!@kvm02:port/system", "hunter2!"),
        ("qemu+ssh://root:hunter2!@[broken/system", "hunter2!"),
        ("qemu+ssh:/root:hunter2!@kvm02/system", "hunter2!"),
        ("qemu+ssh:root:hunter2!@kvm02", "hunter2!"),
        ("root:hunter2!@kvm02", "hunter2!"),
        ("qemu+ssh://root:x@y:hunter2!@kvm02/system", "hunter2!"),
        ("qemu+ssh://root:hunter2!@x@kvm02/system", "hunter2!"),
        ("qemu+ssh://root:hunter2!/x@kvm02/system", "hunter2!/x"),
        ("qemu+ssh://root:hun%74er2!@kvm02/system", "hunter2!"),
        ("qemu+tcp://kvm02/system?password=hunter2!;x", "hunter2!"),
        ("qemu+tcp://kvm02/system;password=hunter2!", "hunter2!"),
        ("qemu+tcp://kvm02/system#password=hunter2!", "hunter2!"),
        ("qemu+tcp://kvm02/system?hunter2!", "hunter2!"),
        ("qemu+tcp://kvm 02/system?password=hunter2!&a=b", "hunter2!"),
        ("http://[root:hunter2!@x", "hunter2!"),
        ("hunter2!", "hunter2!"),
    ],
)
def test_a_password_in_what_is_no_uri(uri: str, password: str) -> None:
    """All of it is secret, and what may be the password as well, since a message may have that alone."""
    assert uri_secrets(uri) >= {uri, password}
    assert "hunter2" not in str(refused(parse, uri))


def test_wherever_the_options_have_one() -> None:
    options = {
        "uri": "qemu+ssh://root:first-one@kvm01/system",
        "name": "erp01",
        "destinations": [{"name": "kvm02", "destination_uri": "qemu+tcp://kvm02/system?key=second-one"}],
        "destination": "qemu+ssh://root:third-one@kvm02/system",
        "guests": [{"name": "erp01", "destination": "kvm02"}],
        "policy": {"max_downtime_ms": 300},
        "migrate_uri": None,
    }
    assert secrets_in(options) == {
        options["uri"],
        "first-one",
        "second-one",
        options["destination"],
        "third-one",
    }
    assert secrets_in({"destinations": '[{"destination_uri": "qemu+ssh://root:in-a-text@kvm02/system"}]'}) == {
        "in-a-text"
    }


def test_long_texts_take_no_time() -> None:
    for text in ("@" * 200_000, "qemu+ssh://" + ":@" * 100_000, "?" + "&=" * 100_000, "//" * 100_000):
        secrets_in({"uri": text, "destination": text})
        refused(parse, text)


def test_all_of_libvirt_s_parameters_are_known() -> None:
    """EXTRACT_URI_ARG_STR and _BOOL in src/remote/remote_driver.c of libvirt 12, and those of virauth.c and esx."""
    assert {"command", "netcat", "socket", "keyfile", "proxy", "mode", "authfile", "pkipath"} < KNOWN_PARAMETERS
    assert set(libvirt_uri._HARMLESS) == {"no_tty"}
