# shellcheck shell=bash
# Sourced by ./run and ./test: finds Python, makes .venv and installs what is pinned, all of it only when needed.

say() { printf '%s\n' "$*"; }
give_up() { printf '%s\n' "$*" >&2; exit 1; }

# 3.11 first: it is what the pins are tried with; the embedded Redis comes ready-built up to 3.12.
find_python() {
  local candidate
  for candidate in python3.11 python3.12 python3.13 python3.14 python3; do
    if "$candidate" -c 'import sys, sqlite3, ssl; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  return 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_install_with_apt() {
  command -v apt-get >/dev/null 2>&1 || return 1
  [ "$(id -u)" = 0 ] || sudo -n true >/dev/null 2>&1
}

# --no-remove: what is on the machine stays there, even when that means that we cannot go on.
apt_install() {
  say "Installing $* with apt-get"
  as_root apt-get update -qq >/dev/null 2>&1 || true
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-remove --no-install-recommends "$@" >/dev/null 2>&1
}

require_python() {
  if ! python=$(find_python); then
    if may_install_with_apt && apt_install python3 python3-venv && python=$(find_python); then return; fi
    give_up "Python 3.11 or newer is not installed. Run: apt-get install python3 python3-venv (Debian, Ubuntu) or brew install python@3.11 (macOS)."
  fi
}

# Debian and Ubuntu ship Python without the part that makes environments.
require_venv_module() {
  "$python" -c 'import ensurepip' >/dev/null 2>&1 && return
  local package
  package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
  if may_install_with_apt && apt_install "$package"; then return; fi
  give_up "$python cannot make environments. Run: apt-get install $package"
}

# environment FILE: .venv holds exactly what FILE pins. A copy of FILE beside it tells whether that was done before.
environment() {
  if cmp -s "$1" ".venv/$1" && .venv/bin/python -c '' 2>/dev/null; then return; fi
  if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    require_python
    require_venv_module
    say "Making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv || give_up "$python could not make .venv."
  fi
  say "Installing $1, which takes about a minute the first time"
  # Not compiled ahead: of thousands of files in the vendors' SDKs, the few that are used are compiled when they are.
  .venv/bin/python -m pip install --quiet --no-compile --disable-pip-version-check --require-hashes -r "$1" ||
    give_up "Installing $1 failed; the reason is above. Without a ready-built package for this machine, a C compiler is needed: apt-get install build-essential (Debian, Ubuntu) or xcode-select --install (macOS)."
  cp "$1" ".venv/$1"
}
