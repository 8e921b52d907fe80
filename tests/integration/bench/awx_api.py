# SPDX-License-Identifier: GPL-3.0-or-later
"""A part of AWX's HTTP API in memory: for the order of calls, for idempotence and check mode, and for nothing else.

It checks what AWX itself checks where our calls depend on it: names that are referred to, one object of a name, surveys
by the rules of AWX 24.6.1, an inventory at each node whose template has none. What AWX makes of it is not shown here.
"""

from __future__ import annotations

import json
import re
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

Item = dict[str, t.Any]
Answer = tuple[int, t.Any]

KINDS = (
    *("organizations", "labels", "execution_environments", "credential_types", "credentials", "inventories", "hosts"),
    *("projects", "job_templates", "workflow_job_templates", "workflow_job_template_nodes"),
    *("workflow_approval_templates", "tokens"),
)
UNIFIED = ("projects", "job_templates", "workflow_job_templates")
REFERENCES = {
    "organization": "organizations",
    "project": "projects",
    "inventory": "inventories",
    "credential_type": "credential_types",
    "execution_environment": "execution_environments",
    "workflow_job_template": "workflow_job_templates",
}
ANSWERS: dict[str, tuple[type, ...]] = {"integer": (int,), "float": (float, int)}


class Api:
    """The objects, and every request that changed something, as (method, path, body)."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[int, Item]] = {kind: {} for kind in KINDS}
        self.surveys: dict[tuple[str, int], Item] = {}
        self.links: dict[tuple[str, int, str], list[int]] = {}
        self.changes: list[tuple[str, str, Item]] = []
        self.requests: list[str] = []
        self._next = 1
        for kind, name in (
            ("organizations", "Default"),
            ("credential_types", "Machine"),
            ("credential_types", "Vault"),
        ):
            self.add(kind, {"name": name})
        self.add("credentials", {"name": "Hypervisors SSH", "organization": 1, "credential_type": 2, "description": ""})

    def add(self, kind: str, body: Item) -> Item:
        number, self._next = self._next, self._next + 1
        url = f"/api/v2/{kind}/{number}/"
        related = {"survey_spec": f"{url}survey_spec/"}
        made = {"id": number, "url": url, "type": kind[:-1], "related": related, "summary_fields": {}, **body}
        if kind == "projects":
            made.update({"status": "successful", "scm_revision": "1", "type": "project"})
        self.objects[kind][number] = made
        return made

    def named(self, kind: str, name: str, field: str = "name") -> Item:
        (found,) = (one for one in self.objects[kind].values() if one[field] == name)
        return found

    def names(self, kind: str) -> set[str]:
        return {one["name"] for one in self.objects[kind].values()}

    def linked(self, node: Item, kind: str) -> list[str]:
        found = self.links.get(("workflow_job_template_nodes", node["id"], kind), [])
        return [self.objects["workflow_job_template_nodes"][number]["identifier"] for number in found]

    def answer(self, method: str, path: str, query: t.Mapping[str, str], body: Item) -> Answer:
        if method != "GET" and "/tokens/" not in path:
            self.changes.append((method, path, body))
        kind, *rest = [part for part in path.removeprefix("/api/v2/").split("/") if part]
        if not rest:
            if method == "POST":
                return self._create(kind, body)
            return 200, self._page(self._found(kind, query))
        number = int(rest[0])
        if number not in self.objects.get(kind, {}):
            return 404, {"detail": "Not found."}
        if len(rest) > 1:
            return self._below(method, kind, number, rest[1], body)
        return self._one(method, kind, number, body)

    def _one(self, method: str, kind: str, number: int, body: Item) -> Answer:
        if method == "PATCH":
            self.objects[kind][number].update(body)
        if method == "DELETE":
            del self.objects[kind][number]
            return 204, None
        return 200, self.objects[kind][number]

    def _has_credential(self, kind: str, number: int, credential: int) -> bool:
        """Of one type there is one at most; and what a template has, its nodes must not have as well."""
        linked = list(self.links.get((kind, number, "credentials"), []))
        if kind == "workflow_job_template_nodes":
            template = self.objects[kind][number]["unified_job_template"]
            linked += self.links.get(("job_templates", template, "credentials"), [])
        types = [self.objects["credentials"][one]["credential_type"] for one in linked]
        return self.objects["credentials"][credential]["credential_type"] in types

    @staticmethod
    def _page(results: t.Sequence[Item]) -> Item:
        return {"count": len(results), "next": None, "previous": None, "results": list(results)}

    def _found(self, kind: str, query: t.Mapping[str, str]) -> list[Item]:
        kinds = UNIFIED if kind == "unified_job_templates" else (kind,)
        every = [one for name in kinds for one in self.objects[name].values()]
        return [one for one in every if all(self._fits(one, name, value) for name, value in query.items())]

    def _fits(self, one: Item, name: str, value: str) -> bool:
        field, _sign, of_other = name.partition("__")
        if of_other:
            other = self.objects[REFERENCES[field]].get(one.get(field, 0), {})
            return str(other.get(of_other)) == value
        return str(one.get(field)) == value

    def _create(self, kind: str, body: Item) -> Answer:
        for field, other in REFERENCES.items():
            if field in body and body[field] not in self.objects[other]:
                return 400, {field: [f"Invalid pk {body[field]!r}"]}
        same = ("name", "identifier", "organization", "inventory", "workflow_job_template")
        if any(all(one.get(key) == body.get(key) for key in same) for one in self.objects[kind].values()):
            return 400, {"__all__": [f"{kind} with this name already exists."]}
        if kind == "workflow_job_template_nodes" and (problem := self._bad_node(body)):
            return 400, problem
        return 201, self.add(kind, body)

    def _bad_node(self, body: Item) -> t.Optional[Item]:
        template = self.objects["job_templates"].get(body.get("unified_job_template", 0))
        if template is None:
            return None
        if not body.get("inventory") and not template.get("inventory"):
            return {"inventory": ["Job Template inventory is missing or undefined."]}
        spec = self.surveys.get(("job_templates", template["id"]), {}).get("spec", [])
        unknown = set(body.get("extra_data") or {}) - {one["variable"] for one in spec}
        return {"extra_data": [f"Variables {sorted(unknown)} are not allowed on launch."]} if unknown else None

    def _below(self, method: str, kind: str, number: int, part: str, body: Item) -> Answer:
        if part == "survey_spec":
            if method == "POST":
                if problem := survey_problem(body):
                    return 400, {"error": problem}
                self.surveys[kind, number] = body
            return 200, self.surveys.get((kind, number), {})
        if part == "create_approval_template":
            made = self.add("workflow_approval_templates", body)
            node = self.objects[kind][number]
            node.update({"unified_job_template": made["id"], "related": {"unified_job_template": made["url"]}})
            return 201, made
        known = ("labels", "credentials", "instance_groups", "success_nodes", "failure_nodes", "always_nodes")
        if kind == "workflow_approval_templates" or part not in known:
            return 404, {"detail": "Not found."}
        linked = self.links.setdefault((kind, number, part), [])
        if method == "POST":
            if (
                part == "credentials"
                and not body.get("disassociate")
                and self._has_credential(kind, number, body["id"])
            ):
                return 400, {"msg": "There is a credential of this type already."}
            (linked.remove if body.get("disassociate") else linked.append)(body["id"])
            return 204, None
        other = kind if part.endswith("_nodes") else part
        return 200, self._page([self.objects[other][one] for one in linked])


def survey_problem(survey: Item) -> str:
    """Why AWX 24.6.1 refuses a survey, or why its form cannot edit a question; empty where it does neither."""
    if set(survey) != {"name", "description", "spec"} or not survey["spec"]:
        return "the survey has not name, description and questions"
    variables = [one["variable"] for one in survey["spec"]]
    if len(set(variables)) != len(variables):
        return "a variable is asked for twice"
    for one in survey["spec"]:
        name, kind, default = one["variable"], one["type"], one.get("default", "")
        if not isinstance(one["required"], bool) or not isinstance(one["question_name"], str):
            return f"{name}: types"
        if default != "" and not isinstance(default, ANSWERS.get(kind, (str,))):
            return f"{name}: type of the default"
        if any(not isinstance(one.get(key), (int, type(None))) for key in ("min", "max")):
            return f"{name}: limits"
        if kind == "multiplechoice" and ("default" not in one or default not in ("", *one["choices"])):
            return f"{name}: default of a choice"
    return ""


class _Handler(BaseHTTPRequestHandler):
    api: Api

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        parts = urlsplit(self.path)
        self.api.requests.append(f"{self.command} {parts.path}")
        if parts.path.startswith("/api/v2/tokens/"):
            status, answer = (204, None) if self.command == "DELETE" else (201, {"id": 1, "token": "t0ken-of-awx"})
        elif not re.match("Bearer t0ken-of-awx$", self.headers.get("Authorization") or ""):
            status, answer = 401, {"detail": "Authentication credentials were not provided."}
        else:
            status, answer = self.api.answer(self.command, parts.path, dict(parse_qsl(parts.query)), body)
        data = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("X-API-Product-Name", "AWX")
        self.send_header("X-API-Product-Version", "24.6.1")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def __getattr__(self, name: str) -> t.Any:
        if name in ("do_GET", "do_POST", "do_PATCH", "do_DELETE"):
            return self._handle
        raise AttributeError(name)

    def log_message(self, *_args: t.Any) -> None:
        """Nothing on the terminal."""


class Server:
    """The API at an address of this machine, until the block is left."""

    def __init__(self) -> None:
        self.api = Api()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"api": self.api}))
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Server:
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._http.shutdown()
        self._http.server_close()
