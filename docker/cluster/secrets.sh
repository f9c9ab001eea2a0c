#!/bin/sh
# secrets.sh DIRECTORY HOST: everything secret that docker/compose.cluster.yaml mounts, made once.
#
#   DIRECTORY/authority    the CA's private key: take it elsewhere
#   DIRECTORY/grantd       for the nodes; db_owner_password for `grantd migrate` alone
#   DIRECTORY/postgres     for the database servers postgres-1 and postgres-2
#
# HOST is the name in the issuer, https://HOST. Its certificate, like those of the database, comes from
# a CA that nobody else knows: in earnest, put your own into DIRECTORY/grantd (tls.crt, tls.key).
# It refuses a DIRECTORY that exists, since a second pepper or wrapping key would be worth nothing.
set -eu
umask 077
[ $# = 2 ] || { echo "usage: secrets.sh DIRECTORY HOST" >&2; exit 2; }
directory=$1 host=$2
[ ! -e "$directory" ] || { echo "secrets.sh: $directory exists already" >&2; exit 1; }
mkdir -p "$directory/authority" "$directory/grantd" "$directory/postgres"

random() { openssl rand -hex 32; }
new_key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
authority=$directory/authority/ca

# shellcheck disable=SC2086  # several words
openssl req -x509 $new_key -days 3650 -subj "/CN=grantd cluster authority" \
  -addext "keyUsage=critical,keyCertSign,cRLSign" -keyout "$authority.key" -out "$authority.crt" 2>/dev/null

# FILE NAME...: FILE.key and FILE.crt, for these host names.
certificate() {
  file=$1 common_name=$2 names=
  shift
  for name in "$@"; do names="$names${names:+,}DNS:$name"; done
  # shellcheck disable=SC2086
  openssl req -x509 $new_key -days 825 -subj "/CN=$common_name" -CA "$authority.crt" \
    -CAkey "$authority.key" -addext "subjectAltName=$names" \
    -addext "basicConstraints=critical,CA:FALSE" -keyout "$file.key" -out "$file.crt" 2>/dev/null
}

certificate "$directory/grantd/tls" "$host"
certificate "$directory/postgres/server" postgres-1 postgres-2
cp "$authority.crt" "$directory/grantd/db_ca.crt"
cp "$authority.crt" "$directory/postgres/ca.crt"

random >"$directory/grantd/pepper"
random >"$directory/grantd/wrapping_key"
random >"$directory/grantd/db_password"
random >"$directory/grantd/db_owner_password"
cp "$directory/grantd/db_password" "$directory/grantd/db_owner_password" "$directory/postgres/"
random >"$directory/postgres/replication_password"
# A file of libpq's (pgpass), which pg_basebackup and the standby read.
echo "*:*:*:replicator:$(cat "$directory/postgres/replication_password")" >"$directory/postgres/replication_pgpass"
