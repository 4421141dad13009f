#!/usr/bin/env bash
# All checks that a change must pass on its author's machine: static checks in two lanes, then the fast tests, which use both cores.
# Prints the seconds of every script, vitest's test counts and, last, the errors of the scripts that failed. Exit code 1 if one failed, 130 after
# Ctrl-C.
#
#   npm test
set -uo pipefail
cd "$(dirname "$0")/../.."
export NO_COLOR=1 # The end of this script searches the logs.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Ends the lanes and their programs, too.
trap 'trap "" INT TERM; kill 0; exit 130' INT TERM

# Runs a script of package.json, and records its output and its seconds.
run() {
  local start=$SECONDS
  npm run --silent "$1" 2>&1 | tee "$work/$1.log" || echo "$1" >> "$work/failed"
  printf '%6d s  %s\n' $((SECONDS - start)) "$1" >> "$work/seconds"
}

# Runs scripts one after another, and prints the output of each when it has ended.
lane() {
  local script
  for script in "$@"; do
    run "$script" > /dev/null
    printf '> %s\n' "$script" | cat - "$work/$script.log"
  done
}

lane build typecheck reference:check lint knip vocabulary links &
lane structure format:check spell lockfile scripts:test &
wait
[ -e "$work/failed" ] || run fast

printf '\n'
cat "$work/seconds"
printf '%6d s  in all\n' $SECONDS
[ ! -e "$work/fast.log" ] || grep -E '^ *Tests ' "$work/fast.log"
[ -e "$work/failed" ] || exit 0
printf 'FAILED: %s\n' "$(paste -sd' ' "$work/failed")"
while read -r script; do
  printf '\n> %s\n' "$script"
  # vitest writes its errors before its summary, even those outside of tests. Other scripts end with theirs.
  grep -E -A 2 'FAIL |Unhandled [ER]|Error: |originated in' "$work/$script.log" | tail -n 25 || tail -n 25 "$work/$script.log"
done < "$work/failed"
exit 1
