# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest agent answers whatever it likes: only errors of ours come of it, and an end to it."""

from __future__ import annotations

import base64
import json
import typing as t
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.virtops.live_migration.plugins.module_utils._core.errors import MigrationError
from ansible_collections.virtops.live_migration.plugins.module_utils._core.host.parse.systemd_units import (
    MOST_UNITS,
    NOTE_PATH,
)
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest import Guest
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest_agent import agent as module
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest_agent.agent import Agent, Done
from ansible_collections.virtops.live_migration.plugins.module_utils._libvirt.guest_agent.services import Services
from ansible_collections.virtops.live_migration.tests.unit.plugins.fake_libvirt import ERP01, FakeLibvirt

STARTED = json.dumps({"return": {"pid": 7}})
Answer = t.Callable[[dict[str, t.Any]], t.Any]


def encoded(text: t.Union[str, bytes]) -> str:
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def ended(**status: t.Any) -> str:
    return json.dumps({"return": {"exited": True, "exitcode": 0, **status}})


class Binding:
    """libvirt_qemu, answering as it is told."""

    def __init__(self, answer: Answer) -> None:
        self.answer, self.calls = answer, 0

    def qemuAgentCommand(self, _domain: t.Any, text: str, _timeout_s: int, _flags: int) -> t.Any:  # noqa: N802 - the binding's name
        self.calls += 1
        return self.answer(json.loads(text))


@pytest.fixture
def agent_of(libvirt: FakeLibvirt, monkeypatch: pytest.MonkeyPatch) -> t.Callable[[Answer], tuple[Agent, Binding]]:
    def make(answer: Answer) -> tuple[Agent, Binding]:
        binding = Binding(answer)
        monkeypatch.setattr(module, "libvirt_qemu", binding)
        return Agent(Guest(SimpleNamespace(), "erp01", ERP01), 60), binding

    return make


ODD_STARTS = {
    "no JSON": "nonsense",
    "empty": "",
    "half": '{"return": {"pid": 7',
    "5,000 deep": "[" * 5000 + "]" * 5000,
    "100,000 deep": '{"a":' * 100_000,
    "deep within": json.dumps({"return": {"pid": json.loads("[" * 90 + "]" * 90)}}),
    "a list": "[]",
    "a number": "7",
    "null": "null",
    "no return": "{}",
    "an error": json.dumps({"error": {"class": "GenericError", "desc": "no"}}),
    "return is a list": json.dumps({"return": []}),
    "return is null": json.dumps({"return": None}),
    "no pid": json.dumps({"return": {}}),
    "pid is text": json.dumps({"return": {"pid": "7"}}),
    "pid is true": json.dumps({"return": {"pid": True}}),
    "pid is a fraction": json.dumps({"return": {"pid": 7.5}}),
    "pid is negative": json.dumps({"return": {"pid": -1}}),
    "pid is huge": '{"return": {"pid": ' + "9" * 30 + "}}",
    "pid has 100,000 digits": '{"return": {"pid": ' + "9" * 100_000 + "}}",
    "not a number": '{"return": {"pid": NaN}}',
    "infinite": '{"return": {"pid": 1e999}}',
    "bytes": b"{}",
    "nothing": None,
    "5 MiB": json.dumps({"return": {"pid": 7, "x": "x" * 5 * 1024**2}}),
}
ODD_ENDS = {
    "exited is missing": json.dumps({"return": {}}),
    "exited is text": json.dumps({"return": {"exited": "yes"}}),
    "exited is a number": json.dumps({"return": {"exited": 1}}),
    "no code": json.dumps({"return": {"exited": True}}),
    "code is text": ended(exitcode="0"),
    "code is null": ended(exitcode=None),
    "code is true": ended(exitcode=True),
    "code is huge": ended(exitcode=2**40),
    "code is far below": ended(exitcode=-(2**40)),
    "signal is a list": json.dumps({"return": {"exited": True, "signal": []}}),
    "signal is huge": json.dumps({"return": {"exited": True, "signal": 10**9}}),
    "bad base64": ended(**{"out-data": "!!!"}),
    "half base64": ended(**{"out-data": "QQ"}),
    "base64 that is not ASCII": ended(**{"out-data": "\u00e4\u00e4"}),
    "output is a number": ended(**{"out-data": 7}),
    "output is a list": ended(**{"err-data": ["QQ=="]}),
    "output is null": ended(**{"err-data": None}),
    "cut off": ended(**{"out-data": "QQ==", "out-truncated": True}),
}


@pytest.mark.parametrize("odd", ODD_STARTS.values(), ids=list(ODD_STARTS))
def test_odd_answers_to_a_start(agent_of: t.Any, odd: t.Any) -> None:
    agent, _binding = agent_of(lambda _asked: odd)
    with pytest.raises(MigrationError) as caught:
        agent.run("systemctl", "show")
    assert caught.value.reason == "AGENT_BAD_ANSWER"
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("odd", ODD_ENDS.values(), ids=list(ODD_ENDS))
def test_odd_answers_to_the_question_for_the_end(agent_of: t.Any, odd: str) -> None:
    agent, _binding = agent_of(lambda asked: STARTED if asked["execute"] == "guest-exec" else odd)
    with pytest.raises(MigrationError) as caught:
        agent.run("systemctl", "show")
    assert caught.value.reason == "AGENT_BAD_ANSWER"


@pytest.mark.parametrize(
    ("status", "done"),
    [
        ({"exitcode": 3}, Done(3, "", "")),
        ({"exitcode": 3221225786}, Done(3221225786, "", "")),
        ({"exitcode": 0, "out-data": encoded(b"\xff\xfe a"), "out-truncated": False}, Done(0, "\ufffd\ufffd a", "")),
    ],
)
def test_answers_that_are_right(agent_of: t.Any, status: t.Any, done: Done) -> None:
    answer = json.dumps({"return": {"exited": True, **status}})
    agent, _binding = agent_of(lambda asked: STARTED if asked["execute"] == "guest-exec" else answer)
    assert agent.run("cat") == done


def test_ended_by_a_signal(agent_of: t.Any) -> None:
    killed = json.dumps({"return": {"exited": True, "signal": 9}})
    agent, _binding = agent_of(lambda asked: STARTED if asked["execute"] == "guest-exec" else killed)
    assert agent.run("cat").code == -9


def answering(outputs: t.Mapping[str, str]) -> Answer:
    """Each program, by its first word, prints this."""
    programs: list[str] = []

    def answer(asked: dict[str, t.Any]) -> str:
        if asked["execute"] == "guest-exec":
            programs.append(asked["arguments"]["path"])
            return STARTED
        return ended(**{"out-data": encoded(outputs.get(programs[-1], ""))})

    return answer


def test_a_note_of_10000_lines(agent_of: t.Any) -> None:
    note = "".join(f"unit{number}.service\n" for number in range(10_000))
    agent, binding = agent_of(answering({"cat": note, "systemctl": "LoadState=loaded\nActiveState=inactive\n"}))
    with pytest.raises(MigrationError) as caught:
        Services(agent, "erp01").restore(check=False)
    assert caught.value.reason == "BAD_NOTE"
    assert NOTE_PATH in caught.value.problem
    assert binding.calls < 10


@pytest.mark.parametrize("line", ["--all", "*", "a b", "x" * 300, "\x1b[31m.service", "../x.service", "\u202ex"])
def test_a_note_that_names_no_unit(agent_of: t.Any, line: str) -> None:
    agent, _binding = agent_of(answering({"cat": f"backup.timer\n{line}\n"}))
    with pytest.raises(MigrationError) as caught:
        Services(agent, "erp01").restore(check=False)
    assert caught.value.reason == "BAD_NOTE"
    assert len(str(caught.value)) < 1000


def test_a_note_that_would_not_be_read_again_is_not_written(agent_of: t.Any) -> None:
    note = "".join(f"unit{number}.service\n" for number in range(MOST_UNITS))
    agent, _binding = agent_of(answering({"cat": note, "systemctl": "LoadState=loaded\nActiveState=active\n"}))
    with pytest.raises(MigrationError) as caught:
        Services(agent, "erp01").stop(["one.service"], check=False)
    assert caught.value.reason == "BAD_UNIT"


def test_a_guest_with_as_many_units_as_may_be(agent_of: t.Any) -> None:
    units = [f"unit{number}.service" for number in range(MOST_UNITS)]
    agent, binding = agent_of(answering({"systemctl": "LoadState=loaded\nActiveState=active\n"}))
    Services(agent, "erp01").stop(units, check=False)
    assert binding.calls < 2300


def until_it_fails(agent: Agent, program: str, most: int = 20_000) -> str:
    """The reason; empty when it does not."""
    try:
        for _number in range(most):
            agent.run(program)
    except MigrationError as exc:
        return exc.reason
    return ""


def test_one_that_never_has_enough_calls(agent_of: t.Any) -> None:
    agent, binding = agent_of(answering({}))
    assert until_it_fails(agent, "true") == "AGENT_BAD_ANSWER"
    assert binding.calls == 10_000


def test_one_that_never_has_enough_output(agent_of: t.Any) -> None:
    agent, binding = agent_of(answering({"cat": "x" * 1_000_000}))
    assert until_it_fails(agent, "cat") == "AGENT_BAD_ANSWER"
    assert binding.calls < 20


def test_one_that_takes_its_time_each_time(agent_of: t.Any, libvirt: FakeLibvirt) -> None:
    """Each program ends just within its limit."""
    left = 0.0

    def answer(asked: dict[str, t.Any]) -> str:
        nonlocal left
        if asked["execute"] == "guest-exec":
            left = libvirt.clock.now + 55
            return STARTED
        return ended() if libvirt.clock.now >= left else json.dumps({"return": {"exited": False}})

    agent, _binding = agent_of(answer)
    began_s = libvirt.clock.now
    assert until_it_fails(agent, "true") == "AGENT_SLOW"
    assert libvirt.clock.now - began_s < 700


def test_states_of_units_are_words(agent_of: t.Any) -> None:
    agent, _binding = agent_of(answering({"systemctl": "LoadState=loaded\nActiveState=\x1b[2J" + "x" * 10_000 + "\n"}))
    found = Services(agent, "erp01").stop(["backup.timer"], check=False)
    assert found.before == {"backup.timer": "unknown"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["pid", "exited", "exitcode", "out-data"]), inner),
    max_leaves=8,
)
FUZZED = (
    st.text()
    | JSON.map(json.dumps)
    | JSON.map(lambda value: json.dumps({"return": value}))
    | st.dictionaries(st.sampled_from(["exited", "exitcode", "signal", "out-data", "err-data", "out-truncated"]), JSON)
    .map(lambda value: json.dumps({"return": {"exited": True, **value}}))
)  # fmt: skip
fuzzed = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@fuzzed
@given(start=st.just(STARTED) | FUZZED, end=FUZZED)
def test_whatever_it_answers(agent_of: t.Any, start: str, end: str) -> None:
    agent, _binding = agent_of(lambda asked: start if asked["execute"] == "guest-exec" else end)
    assert until_it_fails(agent, "cat", most=1) in ("", "AGENT_BAD_ANSWER", "AGENT_SLOW")
