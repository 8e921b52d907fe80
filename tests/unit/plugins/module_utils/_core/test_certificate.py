# Copyright (c) 2026, The virtops.live_migration authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.certificate import parse_certificate

# Made by openssl 3.0: CN=kvm01.example.com, DNS:kvm01, IP:192.0.2.11, IP:2001:db8::11.
PEM = """
-----BEGIN CERTIFICATE-----
MIIBtzCCAV2gAwIBAgIUSD+SwtluF9FFq86yEe0rLFuv60AwCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRa3ZtMDEuZXhhbXBsZS5jb20wHhcNMjYxMTI1MTQyMDQ3WhcN
MzYxMTIyMTQyMDQ3WjAcMRowGAYDVQQDDBFrdm0wMS5leGFtcGxlLmNvbTBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABIcIfzNGWiZ571PMKEZY4uQjmL7fINkSR5Pg
6/s5VUj8MaGYovNr361YEZiJXfHhy/EQlSl0KGIPK5u6fkFf0lSjfTB7MB0GA1Ud
DgQWBBSpVOnbjbH6iMFekyzvAifC9a4VXjAfBgNVHSMEGDAWgBSpVOnbjbH6iMFe
kyzvAifC9a4VXjAPBgNVHRMBAf8EBTADAQH/MCgGA1UdEQQhMB+CBWt2bTAxhwTA
AAILhxAgAQ24AAAAAAAAAAAAAAARMAoGCCqGSM49BAMCA0gAMEUCIQDF+ApCvUBH
qyc2eerSqBTNqIBtjRwvG7STBL4XJ/i1ZgIgEr5KJfN6NAE0PwLMG2dWj2In5HN8
qIZwBkFM5aIzAsA=
-----END CERTIFICATE-----
"""


def test_times_and_names() -> None:
    found = parse_certificate("text before" + PEM + PEM)
    assert found.not_before_epoch_s == 1795616447  # Nov 25 14:20:47 2026 GMT
    assert found.not_after_epoch_s == 2110976447  # Nov 22 14:20:47 2036 GMT
    assert found.names == ["kvm01.example.com", "kvm01", "192.0.2.11", "2001:db8:0:0:0:0:0:11"]


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
