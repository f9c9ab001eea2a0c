-- compatible_from: 1
--
-- Private signing keys, each encrypted under a key that stands outside the database: where keys.store
-- is "database". A binary that does not know this table finds no private key, and refuses to start
-- rather than make one in silence.

CREATE TABLE wrapped_key (
  kid             TEXT PRIMARY KEY REFERENCES signing_key (kid),
  wrapping_key_id TEXT NOT NULL,
  wrapped         BLOB NOT NULL
) STRICT, WITHOUT ROWID;
