# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: awx_configuration
author:
  - virtops maintainers (@virtops)
version_added: 0.1.0
short_description: Make the configuration of AWX of the patterns of this collection
description:
  - Takes the contents of C(meta/pattern.json) of patterns and returns lists of projects, execution environments,
    labels, inventories, hosts, job templates with their surveys, and workflows.
  - The lists have the names and the shape that the collection C(infra.aap_configuration) takes. The role
    P(virtops.live_migration.awx_setup#role) carries the same lists out itself.
  - No secret is in them.
positional: _input
options:
  _input:
    description: The contents of the patterns.
    type: list
    elements: dict
    required: true
  organization:
    description: Name of the organization that all belongs to.
    type: str
    default: Default
  project:
    description:
      - Where the project is taken from, C(scm_type), C(scm_url), C(scm_branch), C(credential) and other fields of a
        project. A C(scm_url) with a password in it is refused.
    type: dict
    required: true
  playbook_path:
    description: Where the playbooks are in the project. C({pattern}) and C({playbook}) stand for their names.
    type: str
    default: extensions/patterns/{pattern}/playbooks/{playbook}
  image:
    description: The image of the execution environment. By default that of the patterns, which has no registry.
    type: str
  image_credential:
    description: Name of the credential for the registry of the image.
    type: str
  inventory:
    description: Name of the inventory of the hypervisors. Without one each launch says which.
    type: str
  inventory_variables:
    description: Variables of the inventory.
    type: dict
  hosts:
    description: Hosts of the inventory, as names, or as dictionaries with C(name) and C(variables).
    type: list
    elements: raw
  credentials:
    description: Credentials of the jobs, as names, or as dictionaries with C(name) and C(credential_type).
    type: list
    elements: raw
  become:
    description: Whether the jobs become root on the hypervisors.
    type: bool
    default: false
  extra_vars:
    description: Variables of all job templates.
    type: dict
  pattern_vars:
    description: Variables of the job templates of a pattern, by the name of the pattern.
    type: dict
  more_templates:
    description:
      - Further job templates, in the same shape. They get project, execution environment, inventory and credentials.
    type: list
    elements: dict
  workflow_hosts:
    description:
      - The pattern of the hosts that the workflow empties. Without one there is no workflow. It needs O(inventory).
    type: str
  workflow_all_hosts:
    description: The pattern of all hosts that guests may be on.
    type: str
    default: all
  workflow_name:
    description: Name of the workflow.
    type: str
    default: KVM / Patch night
  approval_timeout_s:
    description: How many seconds an approval is waited for. By default without an end.
    type: int
seealso:
  - plugin: virtops.live_migration.awx_setup
    plugin_type: role
"""

EXAMPLES = r"""
---
- name: Write the configuration for infra.aap_configuration
  ansible.builtin.copy:
    content: "{{ patterns | virtops.live_migration.awx_configuration(project=project) | to_nice_yaml }}"
    dest: group_vars/all/live_migration.yml
    mode: "0644"
  vars:
    project: {scm_url: https://git.example.com/live_migration.git}
"""

RETURN = r"""
_value:
  description: The lists, by the names of the variables of C(infra.aap_configuration).
  type: dict
  contains:
    controller_labels:
      description: The labels.
      type: list
      elements: dict
    controller_credentials:
      description: The credentials that are to be made, without their secrets.
      type: list
      elements: dict
    controller_execution_environments:
      description: The execution environment.
      type: list
      elements: dict
    controller_projects:
      description: The project.
      type: list
      elements: dict
    controller_inventories:
      description: The inventory, if it has a name.
      type: list
      elements: dict
    controller_hosts:
      description: Its hosts.
      type: list
      elements: dict
    controller_templates:
      description: The job templates.
      type: list
      elements: dict
    controller_workflows:
      description: The workflow, if it has hosts.
      type: list
      elements: dict
"""

import typing as t

from ansible_collections.virtops.live_migration.plugins.plugin_utils._awx import configuration
from ansible_collections.virtops.live_migration.plugins.plugin_utils._filters import (
    documents_of,
    plain,
    reported_to_the_user,
)


@reported_to_the_user
def awx_configuration(patterns: t.Any, **options: t.Any) -> dict[str, list[dict[str, t.Any]]]:
    return configuration(documents_of(patterns), plain(options))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"awx_configuration": awx_configuration}
