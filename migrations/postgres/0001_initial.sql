-- compatible_from: 1
--
-- What SQLite's migrations 0001 to 0006 make, in PostgreSQL's words; what they say of a table holds
-- here, too. Times are whole seconds since 1970-01-01T00:00:00Z. Text is compared octet by octet
-- (COLLATE "C"), whatever the server's locale. No extensions, sequences, triggers or functions: engines
-- that only speak PostgreSQL's language must take it as well.

-- The row 'change' is also the lock that orders all writes which append to change; a sequence
-- would give its numbers out in another order than that of the commits.
CREATE TABLE counter (
  name  TEXT COLLATE "C" PRIMARY KEY,
  value BIGINT NOT NULL
);

-- 'status_list': never taken back, since what was once served under a list's URI may still be
-- cached somewhere.
INSERT INTO counter (name, value) VALUES ('change', 0), ('status_list', 0);

CREATE TABLE change (
  seq   BIGINT PRIMARY KEY CHECK (seq > 0),
  kind  TEXT COLLATE "C" NOT NULL,
  id    TEXT COLLATE "C" NOT NULL,
  at    BIGINT NOT NULL,
  actor TEXT COLLATE "C" NOT NULL,
  -- Tells two rows of one seq apart: one that a failover lost, and the one that took its place.
  nonce UUID NOT NULL DEFAULT gen_random_uuid()
);

CREATE TABLE client (
  id                 TEXT COLLATE "C" PRIMARY KEY CHECK (octet_length(id) BETWEEN 1 AND 255),
  name               TEXT COLLATE "C" NOT NULL,
  auth_method        TEXT COLLATE "C" NOT NULL CHECK (auth_method IN ('client_secret_basic', 'client_secret_post')),
  token_lifetime_s   BIGINT CHECK (token_lifetime_s > 0),
  enabled            SMALLINT NOT NULL CHECK (enabled IN (0, 1)),
  created_at         BIGINT NOT NULL,
  updated_at         BIGINT NOT NULL,
  token_format       TEXT COLLATE "C" NOT NULL CHECK (token_format IN ('jwt', 'opaque')),
  exchange_mode      TEXT COLLATE "C" NOT NULL CHECK (exchange_mode IN ('delegation', 'impersonation')),
  exchange_max_depth BIGINT NOT NULL CHECK (exchange_max_depth BETWEEN 1 AND 16)
);

-- The octets of what stands in an index are bounded: no key of a b-tree may fill a third of a page.

CREATE TABLE client_scope (
  client_id TEXT COLLATE "C" NOT NULL REFERENCES client (id) ON DELETE CASCADE,
  position  BIGINT NOT NULL,
  scope     TEXT COLLATE "C" NOT NULL CHECK (octet_length(scope) <= 2048),
  PRIMARY KEY (client_id, position),
  UNIQUE (client_id, scope)
);

CREATE TABLE client_audience (
  client_id TEXT COLLATE "C" NOT NULL REFERENCES client (id) ON DELETE CASCADE,
  position  BIGINT NOT NULL,
  audience  TEXT COLLATE "C" NOT NULL CHECK (octet_length(audience) <= 2048),
  -- Where it stands among the default audiences; NULL where it is none.
  default_position BIGINT,
  PRIMARY KEY (client_id, position),
  UNIQUE (client_id, audience),
  UNIQUE (client_id, default_position)
);

CREATE TABLE client_serves (
  client_id TEXT COLLATE "C" NOT NULL REFERENCES client (id) ON DELETE CASCADE,
  position  BIGINT NOT NULL,
  resource  TEXT COLLATE "C" NOT NULL CHECK (octet_length(resource) <= 2048),
  PRIMARY KEY (client_id, position),
  UNIQUE (client_id, resource)
);

CREATE TABLE client_exchange (
  client_id TEXT COLLATE "C" NOT NULL REFERENCES client (id) ON DELETE CASCADE,
  kind      TEXT COLLATE "C" NOT NULL CHECK (kind IN ('audience', 'scope', 'issuer')),
  position  BIGINT NOT NULL,
  value     TEXT COLLATE "C" NOT NULL CHECK (octet_length(value) <= 2048),
  PRIMARY KEY (client_id, kind, position),
  UNIQUE (client_id, kind, value)
);

CREATE TABLE client_claim (
  client_id TEXT COLLATE "C" NOT NULL REFERENCES client (id) ON DELETE CASCADE,
  name      TEXT COLLATE "C" NOT NULL CHECK (octet_length(name) <= 2048),
  value     TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (client_id, name)
);

CREATE TABLE pepper (
  id         TEXT COLLATE "C" PRIMARY KEY CHECK (octet_length(id) BETWEEN 1 AND 255),
  check_mac  BYTEA NOT NULL CHECK (octet_length(check_mac) = 32),
  created_at BIGINT NOT NULL
);

CREATE TABLE client_secret (
  secret_id    TEXT COLLATE "C" PRIMARY KEY CHECK (octet_length(secret_id) = 12),
  client_id    TEXT COLLATE "C" NOT NULL REFERENCES client (id) ON DELETE CASCADE,
  -- One of ten: no client ever has more secrets.
  place        SMALLINT NOT NULL CHECK (place BETWEEN 1 AND 10),
  label        TEXT COLLATE "C" NOT NULL,
  pepper_id    TEXT COLLATE "C" NOT NULL REFERENCES pepper (id),
  digest       BYTEA NOT NULL CHECK (octet_length(digest) = 32),
  imported     SMALLINT NOT NULL CHECK (imported IN (0, 1)),
  created_at   BIGINT NOT NULL,
  expires_at   BIGINT,
  last_used_at BIGINT,
  UNIQUE (client_id, place)
);

CREATE INDEX client_secret_pepper ON client_secret (pepper_id);

-- `seq`, here and in not_before, is that of the change which stored the entry or moved it last: the
-- cursor of the revocation feed. No two entries of a table share one.
CREATE TABLE revocation (
  jti        TEXT COLLATE "C" PRIMARY KEY CHECK (octet_length(jti) BETWEEN 1 AND 255),
  expires_at BIGINT NOT NULL,
  seq        BIGINT NOT NULL CHECK (seq > 0) UNIQUE
);

CREATE INDEX revocation_expires_at ON revocation (expires_at);

-- Of every client where client_id is ''. No foreign key: it outlives the client it was stored for.
CREATE TABLE not_before (
  client_id  TEXT COLLATE "C" PRIMARY KEY CHECK (octet_length(client_id) <= 255),
  at         BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  seq        BIGINT NOT NULL CHECK (seq > 0) UNIQUE
);

CREATE INDEX not_before_expires_at ON not_before (expires_at);

CREATE TABLE signing_key (
  kid             TEXT COLLATE "C" PRIMARY KEY CHECK (octet_length(kid) = 43),
  public_jwk      TEXT COLLATE "C" NOT NULL,
  origin          TEXT COLLATE "C" NOT NULL CHECK (origin IN ('standby', 'operator')),
  published_at    BIGINT NOT NULL,
  signs_from      BIGINT NOT NULL,
  signing_since   BIGINT,
  rotates_at      BIGINT,
  retires_at      BIGINT,
  removed_at      BIGINT CHECK (removed_at IS NULL OR retires_at IS NOT NULL),
  max_lifetime_s  BIGINT NOT NULL CHECK (max_lifetime_s >= 0),
  compromised     SMALLINT NOT NULL CHECK (compromised IN (0, 1)),
  compromised_seq BIGINT NOT NULL DEFAULT 0 CHECK (compromised_seq >= 0)
);

-- Of several nodes that rotate at once these let one win: at most one key signs, and at most one
-- standby waits to. (Of keys that operators brought any number may wait.)
CREATE UNIQUE INDEX signing_key_one_signs ON signing_key ((1))
  WHERE signing_since IS NOT NULL AND retires_at IS NULL AND compromised = 0;
CREATE UNIQUE INDEX signing_key_one_standby_waits ON signing_key (origin)
  WHERE origin = 'standby' AND signing_since IS NULL AND retires_at IS NULL AND compromised = 0;

-- A private key, encrypted under a key that stands outside the database.
CREATE TABLE wrapped_key (
  kid             TEXT COLLATE "C" PRIMARY KEY REFERENCES signing_key (kid),
  wrapping_key_id TEXT COLLATE "C" NOT NULL,
  wrapped         BYTEA NOT NULL
);

CREATE TABLE status_list (
  list_id    BIGINT PRIMARY KEY CHECK (list_id > 0),
  expires_at BIGINT NOT NULL,  -- the end of the window: its last token has expired
  capacity   BIGINT NOT NULL CHECK (capacity > 0),
  next_index BIGINT NOT NULL CHECK (next_index BETWEEN 0 AND capacity)
);

CREATE INDEX status_list_expires_at ON status_list (expires_at);

CREATE TABLE reference_token (
  digest     BYTEA PRIMARY KEY CHECK (octet_length(digest) = 32),  -- SHA-256 of the handle
  typ        TEXT COLLATE "C" NOT NULL,
  claims     TEXT COLLATE "C" NOT NULL,                            -- JSON
  expires_at BIGINT NOT NULL
);

CREATE INDEX reference_token_expires_at ON reference_token (expires_at);
