#!/usr/bin/env bash
# Tests runs on several workers: caches and labels, with workers that are killed, drained and crashed, a
# Redis server that restarts. Installs Debian's redis-server if it is missing.
#
#   npm run e2e:workers [-- --kills N]      N: workers to kill at random times in one of the tests; default 4
set -euo pipefail
cd "$(dirname "$0")/../.."

. tools/scripts/lib/install-missing.sh
install_missing redis-server openssl

kills=4
if [ "${1:-}" = --kills ]; then kills=$2; fi

SLM_TEST_KILLS=$kills npx vitest run --config e2e/workers/vitest.config.ts
