#!/usr/bin/env bash
# Tests of runs on several workers: caches, with workers that are killed, drained and crashed and a Redis that restarts.
# Installs Debian's redis-server where it is missing; the tests start and stop it.
#
#   npm run e2e:workers [-- --kills N]      N: workers that are killed at random times in one of the tests; default 4
set -euo pipefail
cd "$(dirname "$0")/../.."

. tools/scripts/lib/install-missing.sh
install_missing redis-server openssl

kills=4
if [ "${1:-}" = --kills ]; then kills=$2; fi

SLM_TEST_KILLS=$kills npx vitest run --config e2e/workers/vitest.config.ts
