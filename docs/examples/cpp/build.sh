#!/bin/sh
# build.sh DIRECTORY [TARGET]...: builds the example (default: all of it) and runs its unit tests.
# Ends with 77 where a compiler or a library is missing.
set -eu
here=$(dirname "$(readlink -f "$0")")
build=$1
shift
for program in cmake ninja c++; do
  command -v "$program" >/dev/null || { echo "no $program"; exit 77; }
done
launcher=
! command -v ccache >/dev/null || launcher=-DCMAKE_CXX_COMPILER_LAUNCHER=ccache
# -O1: Beast takes a third longer to compile with more, and nothing here computes much.
cmake -G Ninja -S "$here" -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O1 $launcher ||
  { echo "a library is missing: see the packages in docs/examples/cpp/README.md"; exit 77; }
if [ $# -eq 0 ]; then set -- all; else set -- "$@" verifier_test; fi
cmake --build "$build" --parallel "$(nproc)" --target "$@"
ctest --test-dir "$build" --output-on-failure --no-tests=error
