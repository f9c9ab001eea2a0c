-- compatible_from: 1
--
-- Opaque access tokens. The handle itself is nowhere: who reads the database cannot use one. A
-- binary that does not know this table leaves it alone, and calls every handle inactive.
--
-- With rowids, so that rows are appended and swept in about the order in which they expire: rows
-- of half a kilobyte inside a b-tree of random digests would touch a page each.

CREATE TABLE reference_token (
  digest     BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),  -- SHA-256 of the handle
  typ        TEXT    NOT NULL,
  claims     TEXT    NOT NULL,                                     -- JSON
  expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX reference_token_expires_at ON reference_token (expires_at);
