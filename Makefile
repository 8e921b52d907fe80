# Every target is a script of tests/setup, tests/run or tests/demo; this file only names them.

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

setup: ## packages of the distribution, and a Python environment in .venv
	@tests/setup/packages
	@tests/setup/python

demo: ## see a stuck migration, why it is stuck, and how it is freed
	@tests/demo/run

test: ## what the continuous integration runs: 25 minutes, ends with "N passed, N failed"
	@tests/run/test

test-matrix: ## the same with all tests of the lab, and on older versions of ansible-core; three hours
	@tests/run/test --matrix

lint: setup ## ruff, mypy, yamllint, shellcheck, ansible-lint
	@tests/run/lint

sanity: setup ## ansible-test sanity
	@tests/run/sanity

units: setup ## unit tests on every Python from 3.9 up that is there
	@tests/run/units

sim: setup ## the decision engine against a model of QEMU, in virtual time
	@tests/run/sim

bench-plan: setup ## evacuation plans: time, memory and quality against size
	@tests/bench/plan

bench-prevention: setup ## host documents, readiness and jobs: time against other ways, as ratios
	@tests/bench/prevention

bench-evacuation: setup ## emptying a host, ours and in the ways of other tools; an hour, goes on where it was left
	@tests/bench/evacuation

bench-forecasts: setup ## forecasts against published migrations: FORECASTS_PUBLISHED names their CSV, which is not here
	@tests/bench/forecasts

browser: setup ## reports looked at in a real browser, which it installs: screenshots, contrast, keyboard
	@tests/run/browser

integration: setup ## real guests that really migrate, in the lab: all that do not take long; an hour
	@tests/run/integration

eda: setup ## Event-Driven Ansible: the rulebooks with the real ansible-rulebook, in the lab
	@tests/run/eda

bench-events: setup ## what the event source costs while 50 guests migrate at once
	@tests/bench/events

bench-gaps: setup ## how long guests stand still in post-copy, by what waits in the source's kernel, as a ratio
	@tests/bench/gaps

bench-less: setup ## how long a guest takes whose free memory is not sent, beside virsh, as a ratio; 15 minutes
	@tests/bench/less

gauntlet: setup ## our migrations and those of other tools, side by side; up to 2.5 hours, goes on where it was left
	@tests/run/gauntlet

soak: setup ## random schedules of moves and faults, until 2,000 guests have arrived; 6 hours, goes on where it was left
	@tests/run/soak
	@tests/run/soak --page

versions: setup ## the tests of the lab on other versions of libvirt and QEMU; 3 hours, writes the page about it
	@tests/run/versions

integration-wide: setup ## those that take long and show less, too
	@tests/run/integration --wide

modular: setup ## hosts with libvirt's modular daemons, which the first run builds, beside hosts with libvirtd
	@tests/run/integration tests/integration/test_modular_daemons.py

patch-night: setup ## three hosts are emptied, patched and filled again, one after the other, while things go wrong
	@tests/run/integration tests/integration/test_patch_night.py

faults: setup ## every fault in every phase of a migration, in the lab; two hours, writes the page about it
	@tests/run/faults
	@tests/run/faults --page

docs-lint: setup ## documentation and changelog
	@tests/run/docs-lint

reference: ## the pages of readiness checks and of libvirt's errors, from the tables themselves
	@python3 -B tests/run/reference.py

build: setup ## the artifact in build/, and galaxy-importer's opinion of it
	@tests/run/build

docs: setup ## the documentation as HTML, in build/docs
	@tests/run/docs

clean: ## remove what the targets made, environments included
	@rm -rf build .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .ansible .venv .venv-*

.PHONY: help setup demo test test-matrix lint sanity units sim bench-plan bench-prevention bench-evacuation bench-forecasts browser integration integration-wide modular patch-night faults eda bench-events bench-gaps bench-less gauntlet versions soak docs-lint reference build docs clean
