# Installs Debian's packages where they are missing. To be sourced:
#
#   install_missing COMMAND...      each command is in the package of its name
#   install_packages PACKAGE...     whether they are there or not
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# apt-get refuses to run twice at once; scripts that run beside each other wait.
apt_get() { as_root flock "${TMPDIR:-/tmp}/slm-apt-get.lock" apt-get "$@" > /dev/null; }

install_packages() {
  if ! command -v apt-get > /dev/null; then
    echo "$*: not installed, and there is no apt-get to install Debian's packages of these names" >&2
    return 1
  fi
  echo "installing $*" >&2
  apt_get install -y --no-install-recommends "$@" ||
    { apt_get update && apt_get install -y --no-install-recommends "$@"; } ||
    { echo "$*: apt-get could not install them" >&2 && return 1; }
}

install_missing() {
  local missing=() name
  for name in "$@"; do command -v "$name" > /dev/null || missing+=("$name"); done
  if [ ${#missing[@]} -eq 0 ]; then return; fi
  install_packages "${missing[@]}"
}
