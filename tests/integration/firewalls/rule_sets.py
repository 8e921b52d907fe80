# SPDX-License-Identifier: GPL-3.0-or-later
"""Rule sets made up from a seed, each as a script of the shell: what administrators write, and odd mixtures of it."""

from __future__ import annotations

import random
import typing as t

PORTS = ("49152", "49180", "49215", "49152-49215", "49152-49180", "49160-49215", "22", "16509-16514", "1024-65535")
NETWORKS = ("10.231.1.0/24", "10.231.1.11", "10.77.0.0/16", "10.0.0.0/8", "192.0.2.0/24", "10.77.7.11", "0.0.0.0/1")
NETWORKS6 = ("fd31:1::/64", "fd31:1::11", "fd77::/16", "fd00::/8", "2001:db8::/32", "fd77:7::11")
HOST = {"ip": "10.231.1.12", "ip6": "fd31:1::12"}
STATES = ("established", "related", "invalid", "new", "untracked")


class Nft:
    """Rules in nft's own language. ``prefix``: of the names of tables."""

    def __init__(self, seed: int, prefix: str = "t") -> None:
        self.random = random.Random(seed)
        self.prefix = prefix
        self.family = ""
        self.jumps: list[str] = []

    def script(self) -> str:
        """Some rules contradict themselves, and nft refuses them: those are left out."""
        lines: list[str] = []
        for number in range(self.random.choice((1, 1, 2, 3))):
            lines += self.table(number)
        return "\n".join(lines) + "\n"

    def table(self, number: int) -> list[str]:
        self.family = self.random.choice(("inet", "inet", "ip", "ip6"))
        table = f"{self.family} {self.prefix}{number}"
        dormant = "{ flags dormant; }" if self.random.random() < 0.02 else ""
        lines = [f"nft 'add table {table} {dormant}'"]
        lines += [f"nft 'add {one.replace(' ', f' {table} ', 1)}'" for one in self.sets()]
        self.jumps = []
        for name in ("third", "second", "first"):
            if self.random.random() < 0.4:
                lines.append(f"nft 'add chain {table} {name}'")
                lines += self.added(f"{table} {name}", self.rules(self.random.randint(1, 4)))
                self.jumps.append(name)
        for hook in self.random.choice((["input"], ["input"], ["input", "prerouting"], ["input", "output"])):
            lines += self.base(table, hook)
        return lines

    def added(self, chain: str, rules: list[str]) -> list[str]:
        return [f"nft 'add rule {chain} {rule}' 2>/dev/null || true" for rule in rules]

    def sets(self) -> list[str]:
        """One of each kind that rules name."""
        address = "ipv6_addr" if self.family == "ip6" else "ipv4_addr"
        networks = self.random.sample(self.networks()[1:3], 2)  # which do not overlap
        flags = "flags interval; auto-merge;"
        some = self.random.choice(("22, 49152-49215", "49152-49180", "22, 49160-49215", "49152, 49180, 49215", "22"))
        pairs = f"{networks[0]} . 49152-49180, {networks[0]} . 49181-49215"
        verdicts = f"49152-49160 : {self.random.choice(('accept', 'drop'))}, 22 : accept"
        return [
            f"set ports {{ type inet_service; {flags} elements = {{ {some} }}; }}",
            f"set peers {{ type {address}; {flags} elements = {{ {', '.join(networks)} }}; }}",
            f"set pairs {{ type {address} . inet_service; flags interval; elements = {{ {pairs} }}; }}",
            "set seen { type ipv4_addr; flags dynamic; timeout 1m; }",
            f"map verdicts {{ type inet_service : verdict; flags interval; elements = {{ {verdicts} }}; }}",
        ]

    def base(self, table: str, hook: str) -> list[str]:
        priority = (
            self.random.choice((-300, -150, 0, 0, 10)) if hook == "prerouting" else self.random.choice((-1, 0, 5))
        )
        policy = self.random.choice(("drop", "drop", "accept") if hook == "input" else ("accept",))
        usual = ["ct state established,related accept"] if self.random.random() < 0.95 else []
        if self.family != "ip" and self.random.random() < 0.97:
            usual.append("icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept")
        rules = self.rules(self.random.randint(1, 6) if hook == "input" else self.random.randint(1, 2))
        if hook == "input" and policy == "drop" and self.random.random() < 0.7:
            rules.append(f"{self.of_port()} accept")
        head = f"nft 'add chain {table} {hook} {{ type filter hook {hook} priority {priority}; policy {policy}; }}'"
        return [head, *self.added(f"{table} {hook}", [*usual, *rules])]

    def rules(self, count: int) -> list[str]:
        return [self.rule() for _number in range(count)]

    def rule(self) -> str:
        matches = [self.match() for _number in range(self.random.choice((0, 1, 1, 2, 2, 3)))]
        if not matches:
            return self.random.choice(("counter", 'log prefix "all "', f"{self.of_port()} accept", self.jump()))
        if self.random.random() < 0.12:
            return " ".join([*matches[1:], self.verdict_map()])
        return " ".join([*matches, self.random.choice(("", "counter", "")), self.verdict()])

    def jump(self) -> str:
        word = self.random.choice(("jump", "jump", "goto"))
        return f"{word} {self.random.choice(self.jumps)}" if self.jumps else "counter"

    def verdict(self) -> str:
        plain = ("accept", "accept", "accept", "drop", "drop", "return", "reject", "reject with tcp reset", "continue")
        others = ("meta mark set 0x1", "ct mark set 0x2", "notrack") if self.random.random() < 0.3 else ()
        found = self.random.choice((*plain, *plain, self.jump(), self.jump(), self.jump(), *others))
        if found.startswith("reject with"):
            return f"meta l4proto tcp {found}"
        # Only where conntrack has not looked yet.
        return "counter" if found == "notrack" else found

    def verdict_map(self) -> str:
        one, other = self.random.choice((("accept", "drop"), ("drop", "accept"), ("return", "accept")))
        target = self.jump() if self.jumps else one
        side = "ip6 saddr" if self.family == "ip6" else "ip saddr"
        network = self.random.choice(self.networks())
        return self.random.choice(
            (
                f"tcp dport vmap {{ 49152-49179 : {one}, 49180-49215 : {other} }}",
                f"tcp dport vmap {{ 22 : {one}, 49152-49215 : {target} }}",
                "ct state vmap { established : accept, related : accept, invalid : drop }",
                f"ct state vmap {{ invalid : drop, new : {target} }}",
                f"iifname vmap {{ lo : accept, eth1 : {one}, eth2 : {other} }}",
                f"{side} vmap {{ {network} : {target} }}",
                f"{side} . tcp dport vmap {{ {network} . 49152-49215 : {one} }}",
                "tcp dport vmap @verdicts",
                f"meta l4proto vmap {{ udp : drop, tcp : {target} }}",
            )
        )

    def networks(self) -> t.Sequence[str]:
        return NETWORKS6 if self.family == "ip6" else NETWORKS

    def of_port(self) -> str:
        return self.random.choice(
            (
                f"tcp dport {self.random.choice(PORTS)}",
                f"tcp dport {self.random.choice(PORTS[3:6])}",
                "tcp dport { 22, 49152-49215 }",
                "tcp dport @ports",
                f"meta l4proto {{ tcp, udp }} th dport {self.random.choice(PORTS)}",
                "tcp dport != 22",
                f"tcp dport > {self.random.choice((1023, 49180))}",
            )
        )

    def match(self) -> str:
        network = self.random.choice(self.networks())
        side = "ip6" if self.family == "ip6" else "ip"
        usual = (
            self.of_port(), self.of_port(), self.of_port(), f"{side} saddr {network}", f"{side} saddr {network}",
            f"{side} saddr != {network}", f"{side} saddr @peers", f"{side} saddr != @peers",
            f"{side} saddr . tcp dport @pairs", f"{side} saddr . tcp dport {{ {network} . 49152-49215 }}",
            f"{side} daddr {HOST[side]}", f"{side} daddr != {HOST[side]}", 'iifname "eth1"', 'iifname "lo"',
            'iifname { "eth1", "eth2" }', 'iifname != "eth1"', 'iifname "eth*"', 'iifname != "lo"', 'iif "lo"',
            f"ct state {self.random.choice(STATES)}", "ct state { new, established }", "ct state != new",
            "ct state != { established, related }", "ct state new,untracked", "tcp flags syn", "tcp flags != syn",
            "tcp flags & (fin | syn | rst | ack) == syn", "tcp flags & (fin | syn | rst | ack) != syn",
            "tcp flags & (fin | syn) == (fin | syn)", "tcp flags ack", "tcp flags == { syn, syn | ack }",
            "meta l4proto tcp", "meta l4proto udp", "meta l4proto != tcp", "meta l4proto { icmp, ipv6-icmp }",
            "udp dport 49152-49215", "udp dport != 53", "tcp sport 1024-65535", "tcp sport 22", "tcp sport != 22",
            "meta nfproto ipv4", "meta nfproto ipv6", "fib daddr type local", "fib daddr type { broadcast, multicast }",
            "fib saddr type local", "fib saddr type != unicast", "meta pkttype host", "meta pkttype != host",
            "meta mark 0x1", "meta mark != 0x1", "ct mark 0x2", "meta mark & 0xff == 0x0", "ct direction original",
            "meta iifname . tcp dport { eth1 . 49152-49215, eth2 . 22 }", "ct status dnat", "ct direction reply",
        )  # fmt: skip
        rare = (
            "limit rate 100/second", "meta length < 100", f"{side} {'hoplimit' if side == 'ip6' else 'ttl'} 64",
            "tcp option maxseg size > 500", "meta day Sunday", "update @seen { ip saddr limit rate 9/second }",
        )  # fmt: skip
        return self.random.choice(rare if self.random.random() < 0.02 else usual)


class Iptables:
    """Rules of iptables, of ``variant`` nft or legacy."""

    def __init__(self, seed: int, variant: str) -> None:
        self.random = random.Random(seed)
        self.variant = variant
        self.family = 4
        self.jumps: list[str] = []

    def script(self) -> str:
        lines = ["ipset create peers hash:net", "ipset add peers 10.231.1.0/24", "ipset create pairs hash:net,port"]
        lines += [f"ipset add pairs 10.77.0.0/16,tcp:{port}" for port in (22, 49152, 49180)]
        lines += ["ipset create ports bitmap:port range 0-65535", "ipset add ports 49152-49215"]
        for family, program in ((4, "iptables"), (6, "ip6tables")):
            self.family = family
            tables = ["filter", *self.random.choice(([], [], ["raw"], ["mangle"], ["raw", "mangle"]))]
            for table in tables:
                lines += [f"{program}-{self.variant} -t {table} {one}" for one in self.table(table)]
        return "\n".join(lines) + "\n"

    def table(self, name: str) -> list[str]:
        chain = "INPUT" if name == "filter" else "PREROUTING"
        policy = self.random.choice(("DROP", "DROP", "ACCEPT")) if name == "filter" else "ACCEPT"
        self.jumps = []
        lines = [f"-P {chain} {policy}"]
        for one in [f"{name}{number}" for number in range(self.random.randint(0, 3))]:
            lines.append(f"-N {one}")
            lines += self.added([self.rule(one, name) for _number in range(self.random.randint(1, 4))])
            self.jumps.append(one)
        if self.random.random() < 0.95:
            lines.append(f"-A {chain} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")
        if self.family == 6 and self.random.random() < 0.97:
            lines.append(f"-A {chain} -p ipv6-icmp -j ACCEPT")
        rules = [self.rule(chain, name) for _number in range(self.random.randint(1, 6 if name == "filter" else 2))]
        if policy == "DROP" and self.random.random() < 0.7:
            rules.append(f"-A {chain} -p tcp {self.of_port()} -j ACCEPT")
        return [*lines, *self.added(rules)]

    def added(self, rules: list[str]) -> list[str]:
        """What iptables refuses is left out."""
        return [f"{rule} 2>/dev/null || true" for rule in rules]

    def rule(self, chain: str, table: str) -> str:
        matches = [self.match() for _number in range(self.random.choice((0, 1, 1, 2, 2)))]
        protocol = self.random.choice(("-p tcp", "-p tcp", "-p tcp", "-p udp", "! -p tcp", ""))
        if any("--dport" in one or "flags" in one or "syn" in one or "port" in one for one in matches):
            protocol = "-p tcp"
        target = self.target(table) if matches or protocol else self.random.choice(("-j LOG", self.jump()))
        if "tcp-reset" in target and protocol != "-p tcp":
            target = "-j DROP"
        return " ".join(word for word in (f"-A {chain}", protocol, *dict.fromkeys(matches), target) if word)

    def jump(self) -> str:
        word = self.random.choice(("-j", "-j", "-g"))
        return f"{word} {self.random.choice(self.jumps)}" if self.jumps else ""

    def target(self, table: str) -> str:
        plain = ["ACCEPT", "ACCEPT", "ACCEPT", "DROP", "DROP", "RETURN", "RETURN", "LOG --log-prefix 'a -j DROP '"]
        if table == "filter":
            plain += ["REJECT", "REJECT --reject-with tcp-reset"]
        if table == "raw":
            plain += ["CT --notrack"]
        if table == "mangle":
            plain += ["MARK --set-mark 0x1", "MARK --set-xmark 0x0/0x1"]
        return self.random.choice([*(f"-j {one}" for one in plain), self.jump(), self.jump(), self.jump()])

    def of_port(self) -> str:
        port = self.random.choice(PORTS).replace("-", ":")
        return self.random.choice(
            (
                f"--dport {port}", f"--dport {port}", f"! --dport {port}", f"-m multiport --dports 22,{port}",
                "-m multiport --dports 49152:49215", "-m multiport ! --dports 22,80",
            )
        )  # fmt: skip

    def match(self) -> str:
        network = self.random.choice(NETWORKS6 if self.family == 6 else NETWORKS)
        low, high = ("fd31:1::1", "fd31:1::ff") if self.family == 6 else ("10.231.1.1", "10.231.1.99")
        host = HOST["ip6" if self.family == 6 else "ip"]
        usual = (
            self.of_port(), self.of_port(), self.of_port(), f"-s {network}", f"! -s {network}", f"-d {host}",
            f"! -d {host}", "-i eth1", "! -i eth1", "-i lo", "-i eth+", "-i eth2", "! -i lo",
            "-m conntrack --ctstate NEW", "-m conntrack --ctstate INVALID", "-m conntrack ! --ctstate NEW",
            "-m state --state NEW,ESTABLISHED", "-m conntrack --ctstate NEW,UNTRACKED", "--syn", "! --syn",
            "--tcp-flags ALL NONE", "--tcp-flags SYN,ACK SYN", "! --tcp-flags SYN,RST,ACK,FIN SYN",
            "-m addrtype --dst-type LOCAL", "-m addrtype ! --dst-type LOCAL", "-m addrtype --dst-type BROADCAST",
            "-m addrtype --src-type LOCAL", "-m addrtype --src-type UNICAST", "-m addrtype --dst-type UNICAST",
            "-m addrtype --src-type UNICAST,LOCAL", "-m addrtype --dst-type UNICAST,LOCAL",
            "-m comment --comment 'live -j DROP'",
            f"-m iprange --src-range {low}-{high}", f"-m iprange ! --src-range {low}-{high}",
            "-m mark --mark 0x1", "-m mark ! --mark 0x1", "-m pkttype --pkt-type unicast", "--sport 1024:65535",
            "! --sport 22", "-m pkttype --pkt-type broadcast",
            *(
                ("-m set --match-set peers src", "-m set ! --match-set peers src", "-m set --match-set pairs src,dst",
                 "-m set --match-set ports dst")
                if self.family == 4 else ()
            ),
        )  # fmt: skip
        rare = (
            "-m limit --limit 50/second",
            "-m length --length 0:100",
            "-m statistic --mode nth --every 2 --packet 0",
        )
        return self.random.choice(rare if self.random.random() < 0.02 else usual)


def script(seed: int) -> str:
    """One of the kinds, in turn; the last one puts two of them together."""
    kind = seed % 4
    if kind == 0:
        return Nft(seed).script()
    if kind == 1:
        return Iptables(seed, "nft").script()
    if kind == 2:
        return Iptables(seed, "legacy").script()
    return Nft(seed).script() + (Iptables(seed, "legacy").script() if seed % 8 == 3 else Nft(seed + 1, "u").script())
