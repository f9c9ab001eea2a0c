-- The role of the standby and the slot that keeps the log for it, once, by a superuser:
--
--   psql -X -v ON_ERROR_STOP=1 -v password_file=FILE -f replication.sql
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
\set password `cat :'password_file'`
CREATE ROLE replicator LOGIN REPLICATION PASSWORD :'password';
SELECT FROM pg_create_physical_replication_slot('standby') \g /dev/null
