"""systemd's part in libvirt's modular daemons, for a host that has no systemd: put there as `systemctl`.

It reads the units that libvirt brings. Sockets are listened on from the start; the first connection starts their
daemon, which gets them by LISTEN_FDS, and one that has ended since nobody needed it is started by the next connection.
One that fails is started again (Restart=on-failure), until it has been started 5 times within 10 s. A stop leaves QEMU
alone (KillMode=process), as the units of those of libvirt's daemons say that have children.

    systemctl lab-boot                       become the service manager, in the background
    systemctl start|stop|restart|is-active|show UNIT
    systemctl lab-hold UNIT                  what the daemon is sent now ends it for good: a start is needed

It runs inside the host, where only the standard library is.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import shlex
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

UNITS = [Path("/etc/systemd/system"), Path("/usr/lib/systemd/system")]
CONTROL = "/run/lab-systemctl"
NOTIFY = "/run/lab-notify"
LOG = "/var/log/libvirt/systemctl.log"
# What a distribution with modular daemons does not listen on without being told to.
NOT_BY_DEFAULT = re.compile(r"libvirtd.*|.*-(tls|tcp)")
ASKED_FOR = Path("/etc/systemd/enabled-sockets")  # their names, one a line
START_LIMIT, START_WINDOW_S = 5, 10.0
STOP_TIMEOUT_S = 90.0
CLEAN_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE)


def unit_file(name: str) -> dict[str, list[str]]:
    """The settings of a unit, whatever section they are in."""
    found: dict[str, list[str]] = {}
    path = next((folder / name for folder in UNITS if (folder / name).exists()), None)
    if path is None:
        raise KeyError(name)
    for line in path.read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith(("#", ";")):
            found.setdefault(key.strip(), []).append(value.strip())
    return found


def listen(address: str, mode: int) -> socket.socket:
    """A socket as ListenStream describes it: a path, a port, or ADDRESS:PORT."""
    if address.startswith("/"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(address)
        made = socket.socket(socket.AF_UNIX)
        made.bind(address)
        os.chmod(address, mode)
    else:
        where, _colon, port = address.rpartition(":")
        made = socket.socket(socket.AF_INET if where else socket.AF_INET6)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((where, int(port)))
    made.listen(128)
    made.setblocking(False)
    return made


def assignments(text: str) -> dict[str, str]:
    """Of `NAME="value" OTHER=value`, as in Environment= and in the file of EnvironmentFile=."""
    pairs = [word.partition("=") for word in shlex.split(text, comments=True)]
    return {name: value for name, equals, value in pairs if equals}


@dataclass
class Service:
    """A daemon with its sockets; `held`: neither connections nor failures start it."""

    name: str
    socket_units: list[str]
    sockets: dict[str, socket.socket] = field(default_factory=dict)
    pid: int = 0
    ready: bool = False
    held: bool = False
    stopping: bool = False
    notify: socket.socket | None = None
    starts: list[float] = field(default_factory=list)

    def open_sockets(self) -> None:
        for name in self.socket_units:
            if name not in self.sockets:
                settings = unit_file(name)
                mode = int(settings.get("SocketMode", ["0666"])[-1], 8)
                self.sockets[name] = listen(settings["ListenStream"][-1], mode)

    def close_sockets(self) -> None:
        for name, each in self.sockets.items():
            each.close()
            address = unit_file(name)["ListenStream"][-1]
            if address.startswith("/"):  # RemoveOnStop=yes
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(address)
        self.sockets = {}

    def environment(self) -> dict[str, str]:
        settings = unit_file(f"{self.name}.service")
        found = dict(os.environ)
        for text in settings.get("Environment", []):
            found.update(assignments(text))
        for text in settings.get("EnvironmentFile", []):
            path = Path(text.removeprefix("-"))
            if path.exists():
                found.update(assignments(path.read_text()))
        return found

    def words(self, environment: dict[str, str]) -> list[str]:
        command = unit_file(f"{self.name}.service")["ExecStart"][-1]
        found: list[str] = []
        for word in command.split():
            found += environment.get(word[1:], "").split() if word.startswith("$") else [word]
        return found

    def start(self) -> None:
        if self.notify is None:
            path = f"{NOTIFY}-{self.name}"
            self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.notify.bind(path)
            self.notify.setblocking(False)
        environment = self.environment()
        environment["NOTIFY_SOCKET"] = f"{NOTIFY}-{self.name}"
        command = self.words(environment)
        self.ready = False
        self.starts = [*self.starts, time.monotonic()][-START_LIMIT:]
        self.pid = os.fork()
        if self.pid == 0:
            self.become(command, environment)

    def become(self, command: list[str], environment: dict[str, str]) -> None:
        """In the child: the sockets from descriptor 3 on, their names, and whom they are for."""
        try:
            os.setsid()
            # Away from where they are to be, since one could lie in the place of another.
            high = [os.dup(each.fileno()) for each in self.sockets.values()]
            high = [os.dup2(each, 200 + number) for number, each in enumerate(high)]
            for number, each in enumerate(high):
                os.dup2(each, 3 + number)
            os.closerange(3 + len(high), 4096)
            environment["LISTEN_FDS"] = str(len(high))
            environment["LISTEN_FDNAMES"] = ":".join(self.sockets)
            environment["LISTEN_PID"] = str(os.getpid())
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            os.execve(command[0], command, environment)
        finally:
            os._exit(203)  # EXIT_EXEC of systemd


class Manager:
    def __init__(self) -> None:
        self.services: dict[str, Service] = {}
        self.control = socket.socket(socket.AF_UNIX)
        self.control.bind(CONTROL)
        self.control.listen(16)
        asked_for = ASKED_FOR.read_text().split() if ASKED_FOR.exists() else []
        names = {path.name for folder in UNITS if folder.is_dir() for path in folder.glob("virt*.socket")}
        for name in sorted(names, key=lambda each: (len(each), each)):
            if NOT_BY_DEFAULT.fullmatch(name.removesuffix(".socket")) and name not in asked_for:
                continue
            service = unit_file(name)["Service"][-1].removesuffix(".service")
            self.services.setdefault(service, Service(service, [])).socket_units.append(name)
        for each in self.services.values():
            each.open_sockets()

    def log(self, text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)

    def reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for service in self.services.values():
                if service.pid == pid:
                    self.ended(service, status)

    def ended(self, service: Service, status: int) -> None:
        # With Type=notify, one that ends before it has said that it is ready has failed, whatever its exit code.
        began = service.ready or "notify" not in unit_file(f"{service.name}.service").get("Type", [""])[-1]
        service.pid, service.ready = 0, False
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            clean = number in CLEAN_SIGNALS
            self.log(f"{service.name} ended by {signal.Signals(number).name}")
        else:
            clean = os.WEXITSTATUS(status) == 0
            self.log(f"{service.name} exited with {os.WEXITSTATUS(status)}")
        if service.held or service.stopping or (clean and began):
            return
        recent = [at for at in service.starts if time.monotonic() - at < START_WINDOW_S]
        if len(recent) >= START_LIMIT:
            self.log(f"{service.name} is started too often, and left alone now")
            service.held = True
            service.close_sockets()
            return
        time.sleep(0.1)  # RestartSec
        service.start()

    def step(self, timeout_s: float = 0.1) -> None:
        """Look at everything once: what has ended, who connects, who is ready, what is asked for."""
        self.reap()
        waiting: dict[socket.socket, Callable[[], None]] = {self.control: self.obey}
        for service in self.services.values():
            if not service.pid and not service.held:
                waiting.update(dict.fromkeys(service.sockets.values(), service.start))
            if service.notify is not None:
                waiting[service.notify] = partial(self.hear, service)
        readable, _writable, _failed = select.select(list(waiting), [], [], timeout_s)
        for action in dict.fromkeys(waiting[each] for each in readable):
            action()

    def hear(self, service: Service) -> None:
        assert service.notify is not None
        with contextlib.suppress(BlockingIOError):
            if "READY=1" in service.notify.recv(4096).decode(errors="replace").split("\n"):
                service.ready = True

    def until(self, condition: Callable[[], bool], timeout_s: float = STOP_TIMEOUT_S) -> bool:
        """Go on with everything else meanwhile: a daemon that starts connects to others, which are started by that."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            self.step()
        return True

    def obey(self) -> None:
        connection, _address = self.control.accept()
        with connection, contextlib.suppress(BrokenPipeError):
            connection.settimeout(5)
            words = connection.recv(4096).decode().split("\0")
            try:
                answer = self.do(*words)
            except KeyError as unknown:
                answer = f"5 Unit {unknown} not found."
            connection.sendall(answer.encode())

    def do(self, verb: str, *units: str) -> str:
        """The exit code, a space, and what is printed."""
        lines, code = [], 0
        for unit in units:
            name, _dot, kind = unit.partition(".")
            service = self.services[name] if kind in ("", "service") else self.of_socket(unit)
            if verb == "is-active":
                active = bool(service.pid) if kind in ("", "service") else bool(service.sockets)
                lines.append("active" if active else "failed" if service.held else "inactive")
                code = code if active else 3
                continue
            if verb == "show":
                state = "active" if service.pid else "failed" if service.held else "inactive"
                lines += [f"Id={unit}", "LoadState=loaded", f"ActiveState={state}", f"MainPID={service.pid}"]
            if verb in ("stop", "restart") and not self.stop(service):
                return f"1 {unit} does not end."
            if verb in ("start", "restart") and not self.start(service):
                return f"1 Job for {unit} failed because the control process exited with error code."
            if verb == "lab-hold" or (verb == "stop" and kind == "socket"):
                service.held = True
                service.close_sockets()
        return f"{code} " + "\n".join(lines)

    def of_socket(self, unit: str) -> Service:
        return next((each for each in self.services.values() if unit in each.socket_units), None) or self.services[unit]

    def stop(self, service: Service) -> bool:
        pid = service.pid
        if not pid:
            return True
        service.stopping = True
        os.kill(pid, signal.SIGTERM)
        ended = self.until(lambda: service.pid != pid)
        service.stopping = False
        return ended

    def start(self, service: Service) -> bool:
        service.held = False
        service.starts = []
        service.open_sockets()
        if not service.pid:
            service.start()
        self.until(lambda: service.ready or service.held)
        return service.ready


def boot() -> None:
    """Returns in the caller when all sockets are listened on."""
    Path("/run/systemd/system").mkdir(parents=True, exist_ok=True)  # by this programs know that there is a systemd
    with contextlib.suppress(FileNotFoundError):
        os.unlink(CONTROL)
    for path in Path(NOTIFY).parent.glob(f"{Path(NOTIFY).name}-*"):
        path.unlink()
    manager = Manager()
    if os.fork():
        os._exit(0)
    os.setsid()
    null = os.open("/dev/null", os.O_RDWR)
    log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for number, target in ((0, null), (1, null), (2, log)):
        os.dup2(target, number)
    os.chdir("/")
    # Enabled for itself, too: guests that start with the host are its.
    manager.services["virtqemud"].start()
    while True:
        manager.step()


def ask(words: list[str]) -> int:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(CONTROL)
        connection.sendall("\0".join(words).encode())
        answer = b""
        while part := connection.recv(4096):
            answer += part
    code, _space, text = answer.decode().partition(" ")
    if text:
        print(text, file=sys.stderr if code not in ("0", "3") else sys.stdout)
    return int(code)


if __name__ == "__main__":
    if sys.argv[1:] == ["lab-boot"]:
        boot()
    else:
        sys.exit(ask([word for word in sys.argv[1:] if not word.startswith("-")]))
