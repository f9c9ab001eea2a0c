#!/bin/sh
# build.sh DIRECTORY: a virtual environment there with Kubernetes' schemas, pinned by hash.
# Ends with 77, and the reason in its last line, where they cannot be had.
set -eu
here=$(dirname "$(readlink -f "$0")")
python=/usr/bin/python3
[ -x "$python" ] || python=python3
! cmp -s "$here/requirements.txt" "$1/installed" || exit 0
"$python" -m venv --clear "$1" || { echo "python3 has no venv"; exit 77; }
"$1/bin/pip" install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
  --retries 1 --requirement "$here/requirements.txt" >"$1/pip.log" 2>&1 || {
  cat "$1/pip.log"
  ! grep -q 'DO NOT MATCH THE HASHES' "$1/pip.log" || exit 1
  echo "pip could not get Kubernetes' schemas"
  exit 77
}
cp "$here/requirements.txt" "$1/installed"
