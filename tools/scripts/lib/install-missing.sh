# Installs missing Debian packages. Source this file:
#
#   install_missing COMMAND...      each command is in the package of the same name
#   install_packages PACKAGE...     installs them even if they exist
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# apt-get cannot run twice at the same time, so concurrent scripts wait.
apt_get() { as_root flock "${TMPDIR:-/tmp}/slm-apt-get.lock" apt-get "$@" > /dev/null; }

install_packages() {
  if ! command -v apt-get > /dev/null; then
    echo "$*: not installed, and apt-get is not available to install the Debian packages of the same names" >&2
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
