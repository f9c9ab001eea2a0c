-- The role as which a standby follows the primary, once, by a superuser:
--
--   psql -X -v ON_ERROR_STOP=1 -v password_file=FILE -f replication.sql

-- No password in the server's log.
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';

\set password `cat :'password_file'`
CREATE ROLE replicator LOGIN REPLICATION PASSWORD :'password';
