#!/usr/bin/env bash
# Tests that need a registry, a browser, a server and other JavaScript hosts: push and pull, the page in Chromium, OpenAI's client, npm packages
# in Deno, Bun and workerd. Installs Debian's docker-registry and chromium if they are missing, and the hosts from npm into the user's cache.
# Starts and stops the servers, and builds the documentation if dist-docs/ is missing.
#
#   npm run e2e:serving [-- BUNDLE]      BUNDLE: a bundle to use; default: a bundle of the shortened quick start
set -euo pipefail
cd "$(dirname "$0")/../.."

. tools/scripts/lib/install-missing.sh
install_missing docker-registry chromium
if [ ! -d dist-docs/g2p ]; then npm run --silent docs; fi

# The packages of these platforms contain the programs, so no install script runs.
versions="deno@2.9.6 bun@1.4.5 workerd@1.20261117.1"
hosts=${SLM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slm}/hosts-${versions//[ @]/-}
if [ ! -d "$hosts/node_modules" ]; then
  echo "installing $versions" >&2
  mkdir -p "$hosts"
  npm install --prefix "$hosts" --ignore-scripts --no-audit --no-fund --loglevel error $versions
fi
program_of() { compgen -G "$hosts/node_modules/$1" | head -n 1; }
export SLM_TEST_DENO=$(program_of '@deno/*/deno') SLM_TEST_BUN=$(program_of '@oven/*/bin/bun')
export SLM_TEST_WORKERD=$(program_of '@cloudflare/*/bin/workerd')

work=$(mktemp -d)
registry=
cleanup() {
  if [ -n "$registry" ]; then kill "$registry" 2> /dev/null || true; fi
  rm -rf "$work"
}
trap cleanup EXIT

bundle=${1:-}
if [ -z "$bundle" ]; then
  tools/scripts/short-quickstart.sh "$work/run"
  bundle=$work/run/deploy
fi

port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
cat > "$work/registry.yml" << YAML
version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: $work/registry } }
http: { addr: 127.0.0.1:$port }
YAML
docker-registry serve "$work/registry.yml" > "$work/registry.log" 2>&1 &
registry=$!
for _ in $(seq 50); do
  if node -e "fetch('http://127.0.0.1:$port/v2/').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"; then break; fi
  kill -0 "$registry" 2> /dev/null || { cat "$work/registry.log" >&2; exit 1; }
  sleep 0.2
done

SLM_TEST_BUNDLE=$(realpath "$bundle") SLM_TEST_REGISTRY=127.0.0.1:$port SLM_TEST_CHROMIUM=$(command -v chromium) \
  npx vitest run --config e2e/serving/vitest.config.ts
