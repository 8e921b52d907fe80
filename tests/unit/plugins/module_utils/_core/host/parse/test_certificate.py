# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import ctypes
import ipaddress
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.certificate import (
    Certificate,
    is_for,
    parse_certificate,
)
from ansible_collections.virtops.live_migration.tests.unit.plugins.captured_texts import captured

# Made by openssl 3.0: CN=kvm01.example.com, DNS:kvm01, IP:192.0.2.11, IP:2001:db8::11.
PEM = captured("certificate.pem")


def test_times_and_names() -> None:
    found = parse_certificate("text before" + PEM + PEM)
    assert found.not_before_epoch_s == 1795616447  # Nov 25 14:20:47 2026 GMT
    assert found.not_after_epoch_s == 2110976447  # Nov 22 14:20:47 2036 GMT
    # GnuTLS does not look at the common name where there are alternative ones.
    assert found.names == ["kvm01", "192.0.2.11", "2001:db8::11"]


@pytest.mark.parametrize("text", ["", "no certificate", PEM.replace("MIIB", "M*IB"), PEM.replace("MIIB", "MIIC")])
def test_damaged(text: str) -> None:
    with pytest.raises(ValueError):
        parse_certificate(text)


@given(st.binary(max_size=80), st.integers(0, 300))
def test_nothing_but_its_own_error(noise: bytes, at: int) -> None:
    der = base64.b64decode("".join(PEM.split("-----")[2].split()))
    for data in (noise, der[:at] + noise + der[at + len(noise) :]):
        text = "-----BEGIN CERTIFICATE-----" + base64.b64encode(data).decode() + "-----END CERTIFICATE-----"
        try:
            parse_certificate(text)
        except ValueError:
            continue


def der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    length = [size] if size < 128 else [0x81, size] if size < 256 else [0x82, *size.to_bytes(2, "big")]
    return bytes([tag, *length]) + content


def oid(*numbers: int) -> bytes:
    return der(0x06, bytes(numbers))


EC_KEY = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
POINT = b"\4" + bytes(range(64))  # of no curve; nobody computes with it
PURPOSES = {"server": (0x2B, 6, 1, 5, 5, 7, 3, 1), "client": (0x2B, 6, 1, 5, 5, 7, 3, 2), "any": (0x55, 0x1D, 0x25, 0)}


def made(
    common: t.Sequence[str], names: t.Sequence[bytes], addresses: t.Sequence[bytes], purpose: t.Optional[str] = None
) -> bytes:
    """A certificate with these names, which nobody has signed."""
    algorithm = der(0x30, oid(0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2))
    relative = [der(0x31, der(0x30, oid(0x55, 4, 3), der(0x0C, name.encode()))) for name in common]
    alternatives = [der(0x82, name) for name in names] + [der(0x87, one) for one in addresses]
    extensions = []
    if alternatives:
        extensions.append(der(0x30, oid(0x55, 0x1D, 0x11), der(0x04, der(0x30, *alternatives))))
    if purpose:
        extensions.append(der(0x30, oid(0x55, 0x1D, 0x25), der(0x04, der(0x30, oid(*PURPOSES[purpose])))))
    inner = der(
        0x30,
        der(0xA0, der(0x02, b"\2")),
        der(0x02, b"\1"),
        algorithm,
        der(0x30, der(0x31, der(0x30, oid(0x55, 4, 3), der(0x0C, b"ca")))),
        der(0x30, der(0x17, b"260101000000Z"), der(0x17, b"360101000000Z")),
        der(0x30, *relative),
        EC_KEY + POINT,
        *([der(0xA3, der(0x30, *extensions))] if extensions else []),
    )
    return der(0x30, inner, algorithm, der(0x03, b"\0" + der(0x30, der(0x02, b"\1"), der(0x02, b"\1"))))


def read(data: bytes) -> Certificate:
    return parse_certificate(f"-----BEGIN CERTIFICATE-----{base64.b64encode(data).decode()}-----END CERTIFICATE-----")


V4, V6 = (ipaddress.ip_address(text).packed for text in ("192.0.2.11", "2001:db8::11"))
# common names, alternative names, addresses, purpose, host, and what gnutls_x509_crt_check_hostname says
ASKED: list[tuple[list[str], list[bytes], list[bytes], t.Optional[str], str, bool]] = [
    (["virt"], [b"*.example.org"], [], None, "kvm02.example.org", True),
    (["kvm02.example.org"], [b"other.example.org"], [], None, "kvm02.example.org", False),
    (["kvm02"], [], [], None, "kvm02", True),
    (["kvm02"], [], [V4], None, "kvm02", False),
    (["kvm02"], [], [V4], None, "192.0.2.11", True),
    (["kvm02", "kvm03"], [], [], None, "kvm02", False),
    (["kvm02"], [], [], "client", "kvm02", False),
    (["kvm02"], [], [], "server", "kvm02", True),
    (["kvm02"], [], [], "any", "kvm02", True),
    ([], [b"kvm02"], [], "client", "kvm02", True),
    ([], [b"KVM02.Example.Org"], [], None, "kvm02.eXample.org", True),
    ([], [b"*.Example.Org"], [], None, "KVM02.example.org", True),
    ([], [b"*.example.org"], [], None, "a.kvm02.example.org", False),
    ([], [b"*.example.org"], [], None, "example.org", False),
    ([], [b"kvm*.example.org"], [], None, "kvm02.example.org", False),
    ([], [b"*02.example.org"], [], None, "kvm02.example.org", True),
    ([], [b"*.org"], [], None, "example.org", False),
    ([], [b"*"], [], None, "kvm02", False),
    ([], [b"*.example."], [], None, "kvm02.example.", False),
    ([], [b"a.*.example.org"], [], None, "a.kvm02.example.org", False),
    (["*.example.org"], [], [], None, "kvm02.example.org", True),
    ([], [b"kvm02.example.org"], [], None, "kvm02.example.org.", False),
    ([], [b"kvm02\0.evil.org"], [], None, "kvm02", False),
    (["kvm02"], [b"kvm\xc3\xa4"], [], None, "kvm02", False),
    ([], [], [V6], None, "2001:DB8:0:0::11", True),
    ([], [], [V6], None, "2001:db8::12", False),
    ([], [], [V4], None, "192.0.2.11", True),
    ([], [], [V4], None, "192.0.2.12", False),
    ([], [b"192.0.2.11"], [], None, "192.0.2.11", False),
    (["192.0.2.11"], [], [], None, "192.0.2.11", False),
    ([], [b"2001:DB8::11"], [], None, "2001:db8::11", False),
    ([], [b"*.0.2.11"], [], None, "192.0.2.11", False),
    ([], [], [b"\1\2\3"], None, "1.2.3.0", False),
]


@pytest.mark.parametrize(("common", "names", "addresses", "purpose", "host", "expected"), ASKED)
def test_whom_it_is_for(
    common: list[str], names: list[bytes], addresses: list[bytes], purpose: t.Optional[str], host: str, expected: bool
) -> None:
    found = read(made(common, names, addresses, purpose))
    assert found.is_for(host) is expected


def test_names_of_a_document() -> None:
    names = ["*.example.org", "192.0.2.11", "2001:db8::11"]
    for host in ("KVM02.example.org", "192.0.2.11", "2001:DB8:0::11"):
        assert is_for(names, host)
    for host in ("a.b.example.org", "192.0.2.12", "2001:db8::12", ""):
        assert not is_for(names, host)
    assert not is_for([], "kvm02")


class _Datum(ctypes.Structure):
    _fields_ = (("data", ctypes.c_char_p), ("size", ctypes.c_uint))


@pytest.fixture(scope="module")
def gnutls_says() -> t.Callable[[bytes, str], bool]:
    """What QEMU and libvirt ask."""
    try:
        library = ctypes.CDLL("libgnutls.so.30")
    except OSError:
        pytest.skip("GnuTLS is not installed here.")
    pointer = ctypes.c_void_p

    def ask(data: bytes, host: str) -> bool:
        certificate = pointer()
        assert library.gnutls_x509_crt_init(ctypes.byref(certificate)) == 0
        try:
            assert library.gnutls_x509_crt_import(certificate, ctypes.byref(_Datum(data, len(data))), 0) == 0
            return bool(library.gnutls_x509_crt_check_hostname(certificate, host.encode()))
        finally:
            library.gnutls_x509_crt_deinit(certificate)

    return ask


@pytest.mark.parametrize(("common", "names", "addresses", "purpose", "host", "expected"), ASKED)
def test_the_table_is_gnutls_s(
    gnutls_says: t.Callable[[bytes, str], bool],
    common: list[str], names: list[bytes], addresses: list[bytes], purpose: t.Optional[str], host: str, expected: bool,
) -> None:  # fmt: skip
    assert gnutls_says(made(common, names, addresses, purpose), host) is expected


LABELS = st.sampled_from(
    ["a", "B", "kvm02", "*", "*02", "k*", "example", "ORG", "org", "", "192", "0", "2", "11", "x y"]
)
HOSTS = st.one_of(
    st.lists(LABELS.filter(lambda label: "*" not in label), min_size=1, max_size=5).map(".".join),
    st.sampled_from(["192.0.2.11", "2001:db8::11", "2001:DB8:0::11", "::1", "1.2.3.4", "a:b", "kvm02"]),
)
NAMES = st.lists(LABELS, max_size=5).map(".".join)
LONG = st.sampled_from([255, 256, 257, 300]).map(lambda size: b"a" * size)
# GnuTLS takes no certificate with an empty name.
DNS_NAMES = st.one_of(
    NAMES.filter(bool).map(str.encode),
    HOSTS.filter(bool).map(str.encode),
    st.sampled_from([b"a\0b", b"\xe4", b"\n"]),
    LONG,
)
ADDRESSES = st.sampled_from([V4, V6, b"\0" * 15 + b"\1", b"\1\2\3\4", b"\1"])


@settings(max_examples=300, deadline=None)
@given(
    common=st.lists(NAMES.filter(bool), max_size=2),
    names=st.lists(DNS_NAMES, max_size=3),
    addresses=st.lists(ADDRESSES, max_size=2),
    purpose=st.sampled_from([None, "server", "client", "any"]),
    host=HOSTS.filter(bool),
)
def test_whom_it_is_for_as_gnutls_sees_it(
    gnutls_says: t.Callable[[bytes, str], bool],
    common: list[str], names: list[bytes], addresses: list[bytes], purpose: t.Optional[str], host: str,
) -> None:  # fmt: skip
    data = made(common, names, addresses, purpose)
    assert read(data).is_for(host) == gnutls_says(data, host)
