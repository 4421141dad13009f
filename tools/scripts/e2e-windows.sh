#!/usr/bin/env bash
# Tests the published package on Windows' Node.js under Wine. Installs Debian's wine and gcc if they are missing. Run `npm run package` first;
# `npm run e2e:windows` does both.
#
#   npm run e2e:windows [-- --root DIR]      DIR keeps the installation for the next run
set -euo pipefail
cd "$(dirname "$0")/../.."

. tools/scripts/lib/install-missing.sh
# wine64 has no command of its own name: /usr/bin/wine starts it.
[ -x /usr/lib/wine/wine64 ] || install_packages wine64
install_missing wine gcc

exec npx jiti tools/windows/e2e-windows.ts "$@"
