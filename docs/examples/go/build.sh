#!/bin/sh
# build.sh DIRECTORY: both services into it. Ends with 77, and the reason in its last line, where there
# is no Go that is new enough, or its modules cannot be had.
set -eu
directory=$1
skip() { echo "skipped: $*"; exit 77; }

command -v go >/dev/null || skip "no go"
export GOTOOLCHAIN=local GOFLAGS=-mod=readonly
wanted=$(sed -n 's/^go //p' go.mod)
found=$(go env GOVERSION)
[ "$(printf 'go%s\n%s\n' "$wanted" "$found" | sort -V | head -n 1)" = "go$wanted" ] ||
  skip "$found is older than $wanted"
go mod download >"$directory/download.log" 2>&1 || {
  cat "$directory/download.log"
  ! grep -q 'SECURITY ERROR' "$directory/download.log" || exit 1
  skip "go could not get the modules"
}
go build -buildvcs=false -o "$directory" ./user-service ./profile-service
