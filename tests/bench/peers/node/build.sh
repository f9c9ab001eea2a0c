#!/bin/sh
# build.sh DIRECTORY: the server with what package-lock.json pins, in DIRECTORY. Ends with 77, and the
# reason in its last line, where there is no Node that is new enough, or its packages cannot be had.
# To pin anew: npm install --package-lock-only --omit-lockfile-registry-resolved
set -eu
output=$1
cd "$(dirname "$0")"

skip() {
    echo "skipped: $1"
    exit 77
}

command -v node >/dev/null || skip "no node"
command -v npm >/dev/null || skip "no npm"
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || skip "node is older than 20"

mkdir -p "$output"
cp server.mjs package.json package-lock.json "$output"
! cmp -s package-lock.json "$output/node_modules/installed" || exit 0
if ! said=$(timeout 300 npm ci --prefix "$output" --ignore-scripts --no-audit --no-fund --fetch-retries=1 2>&1); then
    rm -rf "$output/node_modules"
    echo "$said"
    # A wrong checksum, or a lock that does not fit package.json, is no lack of a registry.
    ! echo "$said" | grep -qE 'EINTEGRITY|EUSAGE' || exit 1
    skip "npm could not get the packages"
fi
cp package-lock.json "$output/node_modules/installed"
