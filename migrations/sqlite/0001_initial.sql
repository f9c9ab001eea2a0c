-- compatible_from: 1
--
-- Times are whole seconds since 1970-01-01T00:00:00Z.

CREATE TABLE counter (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counter (name, value) VALUES ('change', 0);

-- Who changed what, in commit order: `seq` is taken from counter in the change's own transaction.
CREATE TABLE change (
  seq   INTEGER PRIMARY KEY,
  kind  TEXT    NOT NULL,
  id    TEXT    NOT NULL,
  at    INTEGER NOT NULL,
  actor TEXT    NOT NULL
) STRICT;

CREATE TABLE client (
  id               TEXT    PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 255),
  name             TEXT    NOT NULL,
  auth_method      TEXT    NOT NULL CHECK (auth_method IN ('client_secret_basic', 'client_secret_post')),
  token_lifetime_s INTEGER CHECK (token_lifetime_s > 0),
  enabled          INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  created_at       INTEGER NOT NULL,
  updated_at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE client_scope (
  client_id TEXT    NOT NULL REFERENCES client (id) ON DELETE CASCADE,
  position  INTEGER NOT NULL,
  scope     TEXT    NOT NULL,
  PRIMARY KEY (client_id, position),
  UNIQUE (client_id, scope)
) STRICT, WITHOUT ROWID;

CREATE TABLE client_audience (
  client_id TEXT    NOT NULL REFERENCES client (id) ON DELETE CASCADE,
  position  INTEGER NOT NULL,
  audience  TEXT    NOT NULL,
  -- Where it stands among the default audiences; NULL where it is none.
  default_position INTEGER,
  PRIMARY KEY (client_id, position),
  UNIQUE (client_id, audience)
) STRICT, WITHOUT ROWID;

-- The resources whose tokens a resource server may introspect.
CREATE TABLE client_serves (
  client_id TEXT    NOT NULL REFERENCES client (id) ON DELETE CASCADE,
  position  INTEGER NOT NULL,
  resource  TEXT    NOT NULL,
  PRIMARY KEY (client_id, position),
  UNIQUE (client_id, resource)
) STRICT, WITHOUT ROWID;

-- A value that only the right pepper yields: a pepper file that lacks a line in use is refused.
CREATE TABLE pepper (
  id         TEXT    PRIMARY KEY,
  check_mac  BLOB    NOT NULL CHECK (length(check_mac) = 32),
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE client_secret (
  secret_id    TEXT    PRIMARY KEY CHECK (length(secret_id) = 12),
  client_id    TEXT    NOT NULL REFERENCES client (id) ON DELETE CASCADE,
  label        TEXT    NOT NULL,
  pepper_id    TEXT    NOT NULL REFERENCES pepper (id),
  digest       BLOB    NOT NULL CHECK (length(digest) = 32),
  imported     INTEGER NOT NULL CHECK (imported IN (0, 1)),
  created_at   INTEGER NOT NULL,
  expires_at   INTEGER,
  last_used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX client_secret_client ON client_secret (client_id);
CREATE INDEX client_secret_pepper ON client_secret (pepper_id);

CREATE TABLE revocation (
  jti        TEXT    PRIMARY KEY,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX revocation_expires_at ON revocation (expires_at);

-- Tokens of this client (of every client where client_id is '') with iat <= at are inactive. No
-- foreign key: it outlives the client it was stored for.
CREATE TABLE not_before (
  client_id  TEXT    PRIMARY KEY,
  at         INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX not_before_expires_at ON not_before (expires_at);

CREATE TABLE signing_key (
  kid            TEXT    PRIMARY KEY CHECK (length(kid) = 43),
  public_jwk     TEXT    NOT NULL,
  origin         TEXT    NOT NULL CHECK (origin IN ('standby', 'operator')),
  published_at   INTEGER NOT NULL,
  signs_from     INTEGER NOT NULL,
  signing_since  INTEGER,
  rotates_at     INTEGER,
  retires_at     INTEGER,
  removed_at     INTEGER,
  max_lifetime_s INTEGER NOT NULL,
  compromised    INTEGER NOT NULL CHECK (compromised IN (0, 1))
) STRICT, WITHOUT ROWID;
