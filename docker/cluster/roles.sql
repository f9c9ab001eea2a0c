-- The database of a grantd cluster and its two roles, once, by a superuser of PostgreSQL 15 or later:
--
--   psql -X -v ON_ERROR_STOP=1 -v owner_password_file=FILE -v password_file=FILE -f roles.sql
--
-- grantd_owner owns the tables: `grantd migrate` alone connects as it. grantd, as which the nodes and
-- all other commands connect, reads and writes rows and can neither change a table nor drop one.

-- No password in the server's log.
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';

\set owner_password `cat :'owner_password_file'`
\set password `cat :'password_file'`
CREATE ROLE grantd_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE grantd LOGIN PASSWORD :'password';

CREATE DATABASE grantd OWNER grantd_owner TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE grantd FROM PUBLIC;
GRANT CONNECT ON DATABASE grantd TO grantd;

\connect grantd
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO grantd;
-- Of every table that a migration makes, now and later.
ALTER DEFAULT PRIVILEGES FOR ROLE grantd_owner IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO grantd;
