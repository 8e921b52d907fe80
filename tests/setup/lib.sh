# shellcheck shell=bash
# What the scripts of tests/setup and tests/run share. Sourced, never run.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
VENV=${VENV:-$ROOT/.venv}
RESULTS=${RESULTS:-$ROOT/build/test}
export HOME=${HOME:-/root} LC_ALL=C.UTF-8 NO_COLOR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf '%s\n' "$*" >&2; }

die() {
  say "$*"
  exit 1
}

as_root() {
  if [[ $EUID -eq 0 ]]; then "$@"; else sudo "$@"; fi
}

# The environment in $VENV comes first, then real interpreters for ansible-test. Shims of pyenv are left out: a shim
# for a version that is not active exits with 127, and ansible-test stops there.
use_tools() {
  [[ -x $VENV/bin/python ]] || die "$VENV is missing: run 'make setup' first."
  local directories="" others
  while read -r _ interpreter; do
    directories+="$(dirname "$interpreter"):"
  done < <("$ROOT/tests/setup/interpreters")
  others=$(tr ':' '\n' <<<"$PATH" | grep -v '/shims$' | paste -sd:)
  export PATH="$VENV/bin:$directories$others"
  hash -r
}

# A copy of the checkout, uncommitted changes included, at a path that the tools of Ansible accept. Sets TREE (holds
# ansible_collections) and goes to the collection in it. It is removed when the script ends.
enter_tree() {
  TREE=$(mktemp -d "${TMPDIR:-/tmp}/live_migration.XXXXXXXX")
  trap 'rm -rf "$TREE"' EXIT
  trap 'exit 130' INT TERM
  local collection=$TREE/ansible_collections/virtops/live_migration
  mkdir -p "$collection"
  git -c safe.directory="$ROOT" -C "$ROOT" ls-files -z --cached --others --exclude-standard --deduplicate |
    (cd "$ROOT" && while IFS= read -r -d '' file; do
      if [[ -e $file || -L $file ]]; then printf '%s\0' "$file"; fi
    done) |
    tar -C "$ROOT" --null --files-from=- -cf - | tar -C "$collection" -xf -
  export ANSIBLE_COLLECTIONS_PATH=$TREE
  cd "$collection" || return
}
