#!/usr/bin/env bash
# Tests runs on several workers: caches and labels, with workers that are killed, drained and crashed, a
# Redis server that restarts, and shared storage in a directory and in a bucket. Installs Debian's redis-server if it is missing, and moto
# (a server with the S3 API) into a separate environment.
#
#   npm run e2e:workers [-- --kills N]      N: workers to kill at random times in one of the tests; default 4
set -euo pipefail
cd "$(dirname "$0")/../.."

. tools/scripts/lib/install-missing.sh
install_missing redis-server openssl

kills=4
if [ "${1:-}" = --kills ]; then kills=$2; fi

work=$(mktemp -d)
bucket=
cleanup() {
  if [ -n "$bucket" ]; then kill "$bucket" 2> /dev/null || true; fi
  rm -rf "$work"
}
trap cleanup EXIT

server=${SLM_TEST_MOTO:-$work/moto/bin/moto_server}
if [ ! -x "$server" ]; then
  python3 -m venv "$work/moto"
  "$work/moto/bin/pip" install --quiet --disable-pip-version-check moto==5.2.5 flask==3.1.2 flask-cors==6.0.1
fi
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
"$server" -H 127.0.0.1 -p "$port" > "$work/moto.log" 2>&1 &
bucket=$!
for _ in $(seq 150); do
  if node -e "fetch('http://127.0.0.1:$port/').then(() => process.exit(0), () => process.exit(1))"; then break; fi
  kill -0 "$bucket" 2> /dev/null || { cat "$work/moto.log" >&2; exit 1; }
  sleep 0.2
done

SLM_TEST_KILLS=$kills SLM_TEST_S3=http://127.0.0.1:$port npx vitest run --config e2e/workers/vitest.config.ts
