#!/bin/sh
# What package-lock.json pins, into node_modules. Ends with 77, and the reason in its last line, where
# there is no Node that is new enough, or its packages cannot be had. To pin anew:
# npm install --package-lock-only --omit-lockfile-registry-resolved
set -eu
skip() { echo "skipped: $*"; exit 77; }

command -v node >/dev/null || skip "no node"
command -v npm >/dev/null || skip "no npm"
node -e '
  const [major, minor] = process.versions.node.split(".").map(Number);
  process.exit(major > 20 || (major === 20 && minor >= 18) ? 0 : 1)' || skip "node is older than 20.18"
! cmp -s package-lock.json node_modules/installed || exit 0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
timeout 300 npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 >"$log" 2>&1 || {
  status=$?
  cat "$log"
  rm -rf node_modules
  # A wrong checksum, or a lock that does not fit package.json, is no lack of a registry.
  ! grep -qE 'EINTEGRITY|EUSAGE' "$log" || exit "$status"
  skip "npm could not get the packages"
}
cp package-lock.json node_modules/installed
