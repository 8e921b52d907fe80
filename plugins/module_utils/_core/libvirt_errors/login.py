# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS, SSH, names of hosts, and who may use a daemon."""

from __future__ import annotations

from .codes import CARRIED, Err
from .meaning_row import LOOK_AT_BOTH, ON_SOURCE, REFUSED, RUN_AS_ROOT, Meaning

_LOGIN = (
    "Log in once by hand as the user who connects, which for a peer-to-peer migration is root of the source host; "
    "check its key and known_hosts."
)
_FAR_PROGRAM = (
    "SSH logs in, but the program that leads to libvirt's socket is not there: install nc (netcat-openbsd) or "
    "libvirt's virt-ssh-helper on the host that is connected to."
)
_CERTIFICATES = (
    "Check the certificates on both hosts: the files, their owner, their dates, and the names in them; the address "
    "that memory is sent to must be one of the destination's. /var/log/libvirt/qemu/ on the source says which."
)
_RESOLVE = (
    "Make the host name resolve on the machine that connects, which for a peer-to-peer migration is the source, or "
    "use an address."
)
_WIRE = "Check the network and the daemons, then look at both hosts before the next step."

ROWS: tuple[Meaning, ...] = (
    Meaning(
        codes=(Err.OPERATION_INVALID,),
        text=r"VIR_MIGRATE_TLS",
        reason="TLS_REQUIRED",
        means="The host allows migrations with TLS only.",
        state=REFUSED,
        remedy="This host allows migrations with TLS only: start it with --tls.",
        source="qemu/qemu_migration.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_INVALID,),
        text=r"TLS directory not configured",
        reason="TLS_FAILED",
        means="The host has no certificates for TLS.",
        state=REFUSED,
        remedy=(
            "Give the host that the message comes from certificates, and name their directory in its qemu.conf "
            "(migrate_tls_x509_cert_dir, default_tls_x509_cert_dir or backup_tls_x509_cert_dir); then restart its "
            "daemon."
        ),
        source="qemu/qemu_backup.c, qemu/qemu_migration_params.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.CONFIG_UNSUPPORTED,),
        text=r"spice .{0,80}TLS|TLS .{0,40}spice",
        reason="HOST_SETUP",
        means="The destination has no TLS for SPICE.",
        state=ON_SOURCE,
        remedy=(
            "Switch spice_tls on in the destination's qemu.conf, with its certificates, or let the guest's SPICE "
            "do without TLS."
        ),
        source="qemu/qemu_command.c, qemu/qemu_process.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR, Err.AUTH_FAILED, Err.RPC),
        text=r"Distinguished Name is not|tls_allowed_dn_list",
        reason="TLS_FAILED",
        means="The daemon's list of allowed certificates does not have this one.",
        state=ON_SOURCE,
        remedy=(
            "Add the distinguished name of the certificate of the host that connects to tls_allowed_dn_list in "
            "libvirtd.conf (virtproxyd.conf) of the other one, and restart that daemon."
        ),
        source="rpc/virnettlscontext.c, rpc/virnettlscert.c",
        domain="NONE, RPC",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.OPERATION_FAILED,),
        text=(
            r"(write to|read from) TLS channel.{0,80}(broken pipe|reset by peer|timed out|invalidated|"
            r"input/output error)"
        ),
        reason="STREAM_BROKEN",
        means="The encrypted connection between the two QEMUs broke.",
        state=LOOK_AT_BOTH,
        remedy=(
            "In pre-copy the guest goes on on the source: check the network that the memory is sent over, whether "
            "somebody aborted the migration, and in /var/log/libvirt/qemu/ on the destination whether it refused "
            "the source's certificate. In post-copy destroy neither half."
        ),
        source="QEMU: io/channel-tls.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=(Err.OPERATION_FAILED,),
        text=(
            r"(write to|read from) socket|channel error|end-of-file before|QEMUFile|: broken pipe|"
            r"migration.{0,200}(connection reset|broken pipe|connection timed out)"
        ),
        reason="STREAM_BROKEN",
        means="The connection that memory is sent over broke.",
        state=LOOK_AT_BOTH,
        remedy=(
            "In pre-copy the guest goes on on the source: check the network that the memory is sent over, and "
            "whether somebody aborted the migration, which QEMU may tell in these words too. In post-copy destroy "
            "neither half."
        ),
        source="QEMU: io/channel-socket.c",
        domain="QEMU",
        seen="QEMU 7.2",
    ),
    Meaning(
        codes=CARRIED,
        text=(
            r"(?<!PDH )\bcert(ificates?)?\b|access credentials|server verification \(|"
            r"TLS (channel|handshake|session|fatal|credentials|x509|context|connection|negotiation)|requires? TLS|"
            r"TLS required|start TLS|starttls|gnutls|x509(?!.{0,20}not supported)|CA list|"
            r"server key\b|client key\b|private key .{0,60}(TLS|x509)|"
            r"diffie|Error in the (pull|push) function"
        ),
        reason="TLS_FAILED",
        means="TLS between the hosts does not come about: certificates, names in them, or dates.",
        state=ON_SOURCE,
        remedy=_CERTIFICATES,
        source="qemu/qemu_migration_cookie.c, remote/remote_daemon.c",
        domain="QEMU",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(
            Err.INTERNAL_ERROR,
            Err.OPERATION_FAILED,
            Err.SYSTEM_ERROR,
            Err.NO_CONNECT,
            Err.SSH,
            Err.LIBSSH,
            Err.AUTH_FAILED,
        ),
        text=(
            r"resolve (address|hostname|host)\b|address resolution failed|Cannot resolve .{0,60}address|"
            r"name or service not known|temporary failure in name resolution|no address associated with hostname|"
            r"hostname nor servname"
        ),
        reason="NAME_NOT_RESOLVED",
        means="A host's name has no address where it is asked for.",
        state=ON_SOURCE,
        remedy=_RESOLVE,
        source="rpc/virnetsocket.c",
        domain="RPC",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.INTERNAL_ERROR, Err.OPERATION_FAILED, Err.SYSTEM_ERROR, Err.RPC),
        text=(
            r"Connection to \S+ closed by remote host|client_loop|packet_write_(wait|poll)|"
            r"Timeout, server \S+ not responding|Killed by signal"
        ),
        reason="CONNECTION_LOST",
        means="The SSH connection that carried libvirt's protocol ended.",
        state=LOOK_AT_BOTH,
        remedy=_WIRE,
        source="rpc/virnetsocket.c",
        domain="RPC",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR, Err.OPERATION_FAILED),
        quoted=r"(Cannot find|Unable to find|cannot execute binary|binary) '?(/\S*/)?ssh\b",
        reason="SSH_FAILED",
        means="The program ssh is not on the host that connects.",
        state=ON_SOURCE,
        remedy="Install the SSH client on the machine that connects, which for a peer-to-peer migration is the source.",
        source="util/vircommand.c",
        domain="NONE",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR, Err.OPERATION_FAILED, Err.SSH, Err.LIBSSH),
        text=r"(\bnc|n?cat|netcat|virt-ssh-helper|libvirt\S*-sock|virt\w+-sock\S*)\b.{0,200}(permission denied|"
        r"authentication (unavailable|failed|cancelled)|access denied)",
        reason="NOT_PERMITTED",
        means="SSH logs in, but that user may not use libvirt's socket.",
        state=REFUSED,
        remedy="Let the user whom SSH logs in as use libvirt there: root, or a member of group libvirt.",
        source="rpc/virnetsocket.c",
        domain="RPC",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR, Err.OPERATION_FAILED, Err.SSH, Err.LIBSSH),
        text=(
            r"(recv data|reading data): .{0,200}((\bnc|ncat|netcat|virt-ssh-helper|socat)\b.{0,40}|command |"
            r"exec: .{0,40})not found|code: 127"
        ),
        reason="SSH_FAILED",
        means="SSH logs in, but the program that leads to libvirt's socket is not there.",
        state=ON_SOURCE,
        remedy=_FAR_PROGRAM,
        source="rpc/virnetsocket.c",
        domain="RPC",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR, Err.OPERATION_FAILED, Err.SSH, Err.LIBSSH),
        text=(
            r"(\bnc|ncat|netcat|virt-ssh-helper|socat\[\d+\] \w)\b.{0,200}(connect (to|failed)|connection refused|"
            r"no such file|-sock)|ncat: (no such file|connection refused)|unix connect failed"
        ),
        reason="CONNECTION_FAILED",
        means="SSH logs in, but no daemon of libvirt listens there.",
        state=ON_SOURCE,
        remedy=(
            "Start libvirt's daemon on the host that is connected to ('systemctl start libvirtd.socket', or "
            "virtqemud.socket and virtproxyd.socket), and see that its socket is where the message says."
        ),
        source="rpc/virnetsocket.c",
        domain="RPC",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR, Err.OPERATION_FAILED, Err.SSH, Err.LIBSSH),
        text=r"(recv data|reading data): .{0,200}\b(nc|ncat|netcat|virt-ssh-helper|socat):\s",
        reason="SSH_FAILED",
        means="SSH logs in, but the program that leads to libvirt's socket fails.",
        state=ON_SOURCE,
        remedy=_FAR_PROGRAM,
        source="rpc/virnetsocket.c",
        domain="RPC",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR, Err.OPERATION_FAILED, Err.SSH, Err.LIBSSH, Err.NO_CONNECT),
        text=r"ssh: connect to (host|address) .{0,120}port \d+",
        reason="CONNECTION_FAILED",
        means="No SSH server answers there.",
        state=ON_SOURCE,
        remedy="Check the name and the port in the URI, that sshd runs there, the route and the firewall.",
        source="rpc/virnetsocket.c",
        domain="RPC",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SYSTEM_ERROR, Err.OPERATION_FAILED, Err.SSH, Err.LIBSSH, Err.AUTH_FAILED, Err.NO_CONNECT),
        text=(
            r"publickey|host key|permission denied \(|permission denied, please|host identification|"
            r"no matching (host key|key exchange|cipher|mac)|unable to negotiate|kex_exchange|ssh_exchange|"
            r"banner exchange|(SSH protocol|identification string)|authentication failures|"
            r"Received disconnect from|Connection (closed|reset) by .{0,80}port \d+|ssh_dispatch|Load key|"
            r"identity file|Bad (owner or permissions|configuration option)|known_hosts|"
            r"account is (currently )?not available|account (has )?expired|password has expired|"
            r"must change your password|sudo: |sign_and_send_pubkey|no mutual signature|libcrypto|kex error|"
            r"ssh-askpass|keyboard.interactive|SSH session handshake|SSH Agent|private key|public key|passphrase|"
            r"identities provided|authentication methods (and credentials )?(with|are|supplied|provided|list)|"
            r"methods with credentials"
        ),
        reason="SSH_FAILED",
        means="SSH does not let the user in.",
        state=ON_SOURCE,
        remedy=_LOGIN,
        source="rpc/virnetsocket.c, rpc/virnetsshsession.c, rpc/virnetlibsshsession.c",
        domain="RPC, SSH, LIBSSH",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SSH, Err.LIBSSH),
        text=r"write failed|error state|read failed|socket disconnected|remote (command|program) terminated",
        reason="CONNECTION_LOST",
        means="The SSH connection that carried libvirt's protocol ended.",
        state=LOOK_AT_BOTH,
        remedy=_WIRE,
        source="rpc/virnetlibsshsession.c, rpc/virnetsshsession.c",
        domain="LIBSSH, SSH",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.SSH, Err.LIBSSH),
        reason="SSH_FAILED",
        means="SSH does not lead to the other daemon.",
        state=ON_SOURCE,
        remedy=_LOGIN,
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.RPC,),
        text=r"authentication required",
        reason="NOT_PERMITTED",
        means="The daemon wants a login first.",
        state=REFUSED,
        remedy=(
            "Log in as the daemon demands: see the options auth_tcp, auth_tls and auth_unix_rw of its "
            "configuration, and give user name and password where it uses SASL."
        ),
        source="rpc/virnetserverprogram.c",
        domain="RPC",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.RPC,),
        text=r"unknown procedure|(program|version) mismatch|Cannot find program",
        reason="NOT_SUPPORTED",
        means="The two libvirts do not know the same calls.",
        state=REFUSED,
        remedy="One of the two sides is too old for this; update libvirt there.",
        source="rpc/virnetserverprogram.c",
        domain="RPC",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.AUTH_FAILED,),
        text=r"SASL|auth credentials|authentication callback|client username|\bSSF\b|GSSAPI|Kerberos|mechanism",
        reason="NOT_PERMITTED",
        means="SASL refuses the user, or no user name and password were given.",
        state=REFUSED,
        remedy=(
            "Give user name and password for SASL (an authentication file of libvirt, 'auth.conf'), and check the "
            "user with 'sasldblistusers2' and the mechanism in /etc/sasl2/libvirt.conf on the host that is "
            "connected to."
        ),
        source="remote/remote_driver.c, rpc/virnetsaslcontext.c",
        domain="REMOTE, RPC",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.AUTH_FAILED, Err.AUTH_UNAVAILABLE),
        text=r"polkit|access denied by policy|user cancelled",
        reason="NOT_PERMITTED",
        means="This user may not manage guests, says polkit.",
        state=REFUSED,
        remedy=(
            "Run as root or as a member of group libvirt (become: true), or allow org.libvirt.unix.manage to this "
            "user in polkit."
        ),
        source="util/virpolkit.c",
        domain="POLKIT",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.ACCESS_DENIED,),
        reason="NOT_PERMITTED",
        means="The daemon's access rules deny it.",
        state=REFUSED,
        remedy=(
            "The access rules of that daemon (access_drivers in its configuration, rules of polkit) deny this to "
            "this user; allow it there, or use another user."
        ),
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.AUTH_UNAVAILABLE, Err.AUTH_CANCELLED),
        reason="NOT_PERMITTED",
        means="The user could not be authenticated.",
        state=REFUSED,
        remedy=RUN_AS_ROOT,
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
    Meaning(
        codes=(Err.AUTH_FAILED,),
        reason="NOT_PERMITTED",
        means="The daemon does not accept who connects.",
        state=REFUSED,
        remedy=(
            "Which way of logging in was refused the message says. On this host be root, or a member of group "
            "libvirt (become: true), or allowed in polkit; over TCP it is SASL's user and password, over TLS the "
            "certificates, over SSH the keys."
        ),
        source="util/virerror.c",
        seen="7.0 9.0 11.3",
    ),
)
