#!/bin/sh
# postgres.sh NAME: the PostgreSQL server NAME of docker/compose.cluster.yaml. PRIMARY names the one that
# takes writes.
#
# Where there is no data yet, the primary makes a database with grantd's roles (roles.sql), any other
# server a copy of the primary, whose standby it becomes. Data that is there is started as it is, but
# for that of a former primary: it would take writes again, beside the one that took its place
# (docs/cluster.md, "Failing over").
#
# CONFIGURATION: this directory. SECRETS: what secrets.sh made for PostgreSQL. PGDATA: where the data
# goes. Runs as the user postgres, who becomes the superuser, with PostgreSQL's programs on PATH. For tests: PRIMARY_PARAMETERS,
# libpq's, and POSTGRES_OPTIONS, the server's.
set -eu
umask 077
name=$1
: "${PRIMARY:?}" "${CONFIGURATION:?}" "${SECRETS:?}" "${PGDATA:?}"
# An interrupted attempt leaves nothing that could be taken for a database.
new=$PGDATA.new
rm -rf "$new"

make_primary() {
  initdb --pgdata "$new" --username "$(id -un)" --encoding UTF8 --locale C --data-checksums \
    --auth-local peer --auth-host reject >/dev/null
  socket=$(mktemp -d)
  pg_ctl --pgdata "$new" --silent --wait start \
    -o "-c listen_addresses= -c unix_socket_directories=$socket"
  run_sql() { psql -X -q -h "$socket" -d postgres -v ON_ERROR_STOP=1 "$@"; }
  run_sql -v "owner_password_file=$SECRETS/db_owner_password" \
    -v "password_file=$SECRETS/db_password" -f "$CONFIGURATION/roles.sql"
  run_sql -v "password_file=$SECRETS/replication_password" -f "$CONFIGURATION/replication.sql"
  pg_ctl --pgdata "$new" --silent --wait --mode fast stop
  rm -rf "$socket"
}

# While it copies it bears no name of a server's: it must not count as a synchronous standby yet.
make_standby() {
  connection="host=$PRIMARY user=replicator passfile=$SECRETS/replication_pgpass \
sslmode=verify-full sslrootcert=$SECRETS/ca.crt ${PRIMARY_PARAMETERS:-}"
  slot=$(echo "$name" | tr - _)
  # The slot keeps the log for this standby while it is away; from an earlier life it may be there.
  psql -X -q -d "$connection replication=true" -c "CREATE_REPLICATION_SLOT $slot PHYSICAL" >/dev/null || true
  # --write-recovery-conf keeps the connection, with the path of the password's file, and the slot.
  pg_basebackup --pgdata "$new" --dbname "$connection" --wal-method stream --slot "$slot" \
    --checkpoint fast --write-recovery-conf
}

if [ -e "$PGDATA/PG_VERSION" ]; then
  if [ "$name" != "$PRIMARY" ] && [ ! -e "$PGDATA/standby.signal" ]; then
    echo "postgres.sh: $name was the primary, and $PRIMARY is: remove the data of $name first" >&2
    exit 1
  fi
else
  if [ "$name" = "$PRIMARY" ]; then make_primary; else make_standby; fi
  mv "$new" "$PGDATA"
fi

# shellcheck disable=SC2086  # several words
exec postgres -D "$PGDATA" -c "config_file=$CONFIGURATION/postgresql.conf" \
  -c "hba_file=$CONFIGURATION/pg_hba.conf" -c "ssl_cert_file=$SECRETS/server.crt" \
  -c "ssl_key_file=$SECRETS/server.key" -c "cluster_name=$name" ${POSTGRES_OPTIONS:-}
