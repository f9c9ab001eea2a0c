-- compatible_from: 2
--
-- What a client's tokens look like and what it may make of others' (RFC 8693). A binary that does not
-- know these would issue a JWT where the client must not see the content: hence compatible_from.

ALTER TABLE client ADD COLUMN token_format TEXT NOT NULL DEFAULT 'jwt'
  CHECK (token_format IN ('jwt', 'opaque'));
ALTER TABLE client ADD COLUMN exchange_mode TEXT NOT NULL DEFAULT 'delegation'
  CHECK (exchange_mode IN ('delegation', 'impersonation'));
ALTER TABLE client ADD COLUMN exchange_max_depth INTEGER NOT NULL DEFAULT 3
  CHECK (exchange_max_depth BETWEEN 1 AND 16);

-- Into which audiences, with which scopes at most, and from which foreign issuers it may exchange.
CREATE TABLE client_exchange (
  client_id TEXT    NOT NULL REFERENCES client (id) ON DELETE CASCADE,
  kind      TEXT    NOT NULL CHECK (kind IN ('audience', 'scope', 'issuer')),
  position  INTEGER NOT NULL,
  value     TEXT    NOT NULL,
  PRIMARY KEY (client_id, kind, position),
  UNIQUE (client_id, kind, value)
) STRICT, WITHOUT ROWID;

-- Fixed extra claims of its tokens; the value is JSON.
CREATE TABLE client_claim (
  client_id TEXT NOT NULL REFERENCES client (id) ON DELETE CASCADE,
  name      TEXT NOT NULL,
  value     TEXT NOT NULL,
  PRIMARY KEY (client_id, name)
) STRICT, WITHOUT ROWID;
