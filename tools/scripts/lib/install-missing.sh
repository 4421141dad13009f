# Installs Debian's packages where a command is missing. To be sourced:
#
#   install_missing COMMAND...      each command is in the package of its name
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

install_missing() {
  local missing=() name
  for name in "$@"; do command -v "$name" > /dev/null || missing+=("$name"); done
  if [ ${#missing[@]} -eq 0 ]; then return; fi
  if ! command -v apt-get > /dev/null; then
    echo "${missing[*]}: not installed, and there is no apt-get to install Debian's packages of these names" >&2
    return 1
  fi
  echo "installing ${missing[*]}"
  as_root apt-get install -y --no-install-recommends "${missing[@]}" > /dev/null ||
    { as_root apt-get update > /dev/null && as_root apt-get install -y --no-install-recommends "${missing[@]}" > /dev/null; } ||
    { echo "${missing[*]}: apt-get could not install them" >&2 && return 1; }
}
