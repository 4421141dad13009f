#!/usr/bin/env bash
# Exports runs to MLflow's tracking server, which is installed from PyPI into an environment in the user's cache.
#
#   npm run e2e:mlflow
set -euo pipefail
cd "$(dirname "$0")/../.."

version=3.17.2
environment=${SLM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slm}/mlflow-$version
node -e 'import("./tools/lib/python.mjs").then(({ pythonWith }) => pythonWith(process.argv[1], [process.argv[2]]))' "$environment" "mlflow==$version"

work=$(mktemp -d)
server=
cleanup() {
  if [ -n "$server" ]; then kill -- -"$server" 2> /dev/null || true; fi
  rm -rf "$work"
}
trap cleanup EXIT

port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
# Runs in a separate session, so that its workers end with it.
setsid "$environment/bin/mlflow" server --host 127.0.0.1 --port "$port" --workers 1 \
  --backend-store-uri "sqlite:///$work/mlflow.db" --default-artifact-root "$work/artifacts" > "$work/server.log" 2>&1 &
server=$!
for _ in $(seq 240); do
  if node -e "fetch('http://127.0.0.1:$port/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"; then break; fi
  kill -0 "$server" 2> /dev/null || { cat "$work/server.log" >&2; exit 1; }
  sleep 0.5
done

SLM_TEST_MLFLOW=http://127.0.0.1:$port npx vitest run packages/extension-trackers/src/mlflow
