#!/bin/sh
# build.sh DIRECTORY: the server in DIRECTORY/app/. Ends with 77, and the reason in its last line, where
# there is no JDK 17, no Maven, or no way to Maven Central.
set -eu
output=$1
cd "$(dirname "$0")"

skip() {
    echo "skipped: $1"
    exit 77
}

command -v javac >/dev/null || skip "no JDK"
command -v mvn >/dev/null || skip "no Maven"
[ "$(javac -version 2>&1 | sed 's/[^0-9]*\([0-9]*\).*/\1/')" -ge 17 ] || skip "JDK older than 17"

# Maven takes seconds to find that nothing changed.
[ -z "$(find pom.xml src -newer "$output/app/built" 2>&1)" ] && exit 0
if ! said=$(mvn -B -q -ntp -Doutput="$output" package 2>&1); then
    echo "$said"
    # The words with which Maven says that an artifact or its parent did not come.
    if echo "$said" | grep -Eq 'Could not (transfer|find) artifact|Unknown host'; then
        skip "Maven Central cannot be reached"
    fi
    exit 1
fi
# Unpacked, a start takes a third less than from the jar of jars.
java -Djarmode=tools -jar "$output/peer.jar" extract --force --destination "$output/app" >/dev/null
touch "$output/app/built"
