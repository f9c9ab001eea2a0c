#!/bin/sh
# build.sh DIRECTORY: a virtual environment there with what requirements.txt pins by hash.
# Ends with 77, and the reason in its last line, where that cannot be had.
set -eu
directory=$1
skip() { echo "skipped: $*"; exit 77; }

python=/usr/bin/python3
[ -x $python ] || python=python3
command -v $python >/dev/null || skip "no python3"
$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || skip "python3 is older than 3.11"
! cmp -s requirements.txt "$directory/installed" || exit 0

$python -m venv --clear "$directory" || skip "python3 has no venv"
"$directory/bin/pip" install --quiet --disable-pip-version-check --require-hashes \
  --only-binary :all: --retries 1 --requirement requirements.txt >"$directory/pip.log" 2>&1 || {
  cat "$directory/pip.log"
  ! grep -q 'DO NOT MATCH THE HASHES' "$directory/pip.log" || exit 1
  skip "pip could not get the packages"
}
cp requirements.txt "$directory/installed"
