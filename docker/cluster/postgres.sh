#!/bin/sh
# postgres.sh NAME [PRIMARY]: a PostgreSQL server of docker/compose.cluster.yaml, by the name NAME.
#
# Where there is no data yet, it makes the primary with grantd's roles (roles.sql), or a copy of the
# server PRIMARY, whose standby it becomes. What exists is started as it is: a promoted standby comes
# back as the primary that it is, and so does a former primary, which is why that one's data must be
# removed before it is started again (docs/cluster.md, "Failing over").
#
# CONFIGURATION: this directory. SECRETS: what secrets.sh made for PostgreSQL. PGDATA: where the data
# goes. Runs as the user postgres, with PostgreSQL's programs on PATH; further arguments of the server
# in POSTGRES_OPTIONS.
set -eu
umask 077
name=$1 primary=${2:-}
: "${CONFIGURATION:?}" "${SECRETS:?}" "${PGDATA:?}"
new=$PGDATA.new

# An interrupted attempt leaves nothing that could be taken for a database.
if [ ! -e "$PGDATA/PG_VERSION" ] && [ -z "$primary" ]; then
  rm -rf "$new"
  initdb --pgdata "$new" --username postgres --encoding UTF8 --locale C --data-checksums \
    --auth-local peer --auth-host reject >/dev/null
  socket=$(mktemp -d)
  pg_ctl --pgdata "$new" --silent --wait start \
    -o "-c listen_addresses= -c unix_socket_directories=$socket"
  run_sql() { psql -X -q -h "$socket" -U postgres -d postgres -v ON_ERROR_STOP=1 "$@"; }
  run_sql -v "owner_password_file=$SECRETS/db_owner_password" \
    -v "password_file=$SECRETS/db_password" -f "$CONFIGURATION/roles.sql"
  run_sql -v "password_file=$SECRETS/replication_password" -f "$CONFIGURATION/replication.sql"
  pg_ctl --pgdata "$new" --silent --wait --mode fast stop
  rm -rf "$socket"
  mv "$new" "$PGDATA"
fi

if [ ! -e "$PGDATA/PG_VERSION" ]; then
  rm -rf "$new"
  # --write-recovery-conf keeps the connection, with the path of the password's file, and the slot. No
  # name of the server's: while it copies, it must not count as a synchronous standby.
  pg_basebackup --pgdata "$new" --wal-method stream --slot standby --write-recovery-conf \
    --checkpoint fast --dbname "host=$primary user=replicator \
passfile=$SECRETS/replication_pgpass sslmode=verify-full sslrootcert=$SECRETS/ca.crt ${PRIMARY_PARAMETERS:-}"
  mv "$new" "$PGDATA"
fi

# shellcheck disable=SC2086  # several words
exec postgres -D "$PGDATA" -c "config_file=$CONFIGURATION/postgresql.conf" \
  -c "hba_file=$CONFIGURATION/pg_hba.conf" -c "ssl_cert_file=$SECRETS/server.crt" \
  -c "ssl_key_file=$SECRETS/server.key" -c "cluster_name=$name" ${POSTGRES_OPTIONS:-}
