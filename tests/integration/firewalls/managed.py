# SPDX-License-Identifier: GPL-3.0-or-later
"""What administrators tell ufw and firewalld, made up from a seed, each as a script of the shell."""

from __future__ import annotations

import random

_NETWORKS = ("10.231.1.0/24", "10.77.0.0/16", "10.231.1.11", "fd31:1::/64", "fd77:7::11", "any")
_LOWER = "<port port='49152-49179' protocol='tcp'/>"
_UPPER = "<port port='49180-49215' protocol='tcp'/>"


def ufw(seed: int) -> str:
    choose = random.Random(seed).choice
    lines = ["ufw --force reset >/dev/null", f"ufw default {choose(('deny', 'deny', 'reject', 'allow'))} incoming"]
    for _number in range(choose((1, 2, 3, 4))):
        action = choose(("allow", "allow", "allow", "deny", "reject"))
        ports = choose(("49152:49215", "49152:49215", "49180", "22", "49152:49180", "22,49152:49215"))
        source = choose(_NETWORKS)
        interface = choose(("", "", "in on eth1 ", "in on eth2 "))
        log = choose(("", "", "log "))
        place = choose(("", "", "insert 1 "))
        lines.append(f"ufw {place}{action} {interface}{log}proto tcp from {source} to any port {ports} || true")
    lines.append(choose(("", "", "ufw limit ssh")))  # others cannot be told: how often was it tried before?
    lines.append(choose(("", "ufw allow 49152:49215/tcp", "ufw allow 49152:49215/tcp", "ufw allow 49152:49215/udp")))
    return "\n".join([*lines, "ufw --force enable"]) + "\n"


class Zones:
    """firewalld's own files: zones, a policy, a service and a set."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def script(self) -> str:
        choose = self.random.choice
        default = choose(("public", "public", "internal"))
        files = {
            "services/movers.xml": f"<service><include service='lone'/>{_LOWER}</service>",
            "services/lone.xml": f"<service>{_UPPER}</service>",
            "ipsets/hosts.xml": "<ipset type='hash:net'><entry>10.77.0.0/16</entry></ipset>",
            "zones/public.xml": self.zone(),
            "zones/internal.xml": self.zone(choose(("<interface name='eth1'/>", ""))),
            "zones/work.xml": self.zone(choose(self.sources)),
            "policies/first.xml": self.policy(),
        }
        lines = [f"cat > /etc/firewalld/{name} <<'END'\n{text}\nEND" for name, text in files.items()]
        lines.append(f"sed -i s/^DefaultZone=.*/DefaultZone={default}/ /etc/firewalld/firewalld.conf")
        return "\n".join([*lines, "firewall-cmd --reload >/dev/null"]) + "\n"

    sources = (
        "<source address='10.231.1.0/24'/>",
        "<source address='10.77.0.0/16'/><source address='fd77::/16'/>",
        "<source ipset='hosts'/>",
        "<source address='192.0.2.0/24'/>",
        "",
    )

    def zone(self, whose: str = "") -> str:
        target = self.random.choice(("", "", "", " target='DROP'", " target='ACCEPT'", " target='%%REJECT%%'"))
        parts = [self.random.choice(self.opened) for _number in range(self.random.choice((0, 1, 1, 2)))]
        rich = [self.rich() for _number in range(self.random.choice((0, 0, 1, 2)))]
        return f"<zone{target}>{whose}{''.join(dict.fromkeys(parts))}{''.join(dict.fromkeys(rich))}</zone>"

    opened = (
        "<port port='49152-49215' protocol='tcp'/>",
        "<port port='49152-49215' protocol='tcp'/>",
        "<service name='movers'/>",
        "<service name='movers'/>",
        "<service name='lone'/>",
        "<service name='ssh'/>",
        "<port port='49152-49215' protocol='udp'/>",
        "<protocol value='tcp'/>",
        "<source-port port='1024-65535' protocol='tcp'/>",
        "<icmp-block name='echo-request'/>",
        "<masquerade/>",
        "<forward/>",
    )

    def rich(self) -> str:
        choose = self.random.choice
        family, source = choose(
            (
                ("", ""),
                ("", ""),
                (" family='ipv4'", ""),
                (" family='ipv6'", ""),
                (" family='ipv4'", "<source address='10.231.1.0/24'/>"),
                (" family='ipv4'", "<source address='10.77.0.0/16' invert='True'/>"),
                (" family='ipv6'", "<source address='fd31:1::/64'/>"),
                ("", "<source ipset='hosts'/>"),
            )
        )
        what = choose(
            (
                "<port port='49152-49215' protocol='tcp'/>",
                "<port port='49180' protocol='tcp'/>",
                "<service name='movers'/>",
                "<protocol value='tcp'/>",
                "<port port='53' protocol='udp'/>",
                "" if source else "<service name='lone'/>",
            )
        )
        priority = choose(("", "", "", " priority='-5'", " priority='10'"))
        action = choose(("<accept/>", "<accept/>", "<drop/>", "<reject/>", "<log/>"))
        return f"<rule{family}{priority}>{source}{what}{action}</rule>"

    def policy(self) -> str:
        choose = self.random.choice
        ingress = choose(("ANY", "public", "internal", "work"))
        egress = choose(("HOST", "HOST", "ANY"))
        priority = choose(("-100", "100"))
        target = choose(("CONTINUE", "CONTINUE", "CONTINUE", "REJECT", "ACCEPT"))
        parts = choose(("<service name='ssh'/>", "<port port='49152-49215' protocol='tcp'/>", self.rich()))
        return (
            f"<policy priority='{priority}' target='{target}'><ingress-zone name='{ingress}'/>"
            f"<egress-zone name='{egress}'/>{parts}</policy>"
        )
