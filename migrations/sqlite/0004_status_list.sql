-- compatible_from: 1
--
-- Token Status List (draft-ietf-oauth-status-list): which indexes of which list are given out. One
-- list is of tokens that expire within one window. What is revoked stands in `revocation`: a jti
-- ends in its list and index.

-- Never taken back: what was once served under a list's URI may still be cached somewhere.
INSERT INTO counter (name, value) VALUES ('status_list', 0);

CREATE TABLE status_list (
  list_id    INTEGER PRIMARY KEY CHECK (list_id > 0),
  expires_at INTEGER NOT NULL,  -- the end of the window: its last token has expired
  capacity   INTEGER NOT NULL CHECK (capacity > 0),
  next_index INTEGER NOT NULL CHECK (next_index BETWEEN 0 AND capacity)
) STRICT;

CREATE INDEX status_list_expires_at ON status_list (expires_at);
