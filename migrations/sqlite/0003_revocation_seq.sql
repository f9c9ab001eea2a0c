-- compatible_from: 3
--
-- The cursor of the revocation feed: each entry carries the `seq` of the change that stored it or
-- moved it last, so that what is live behind a cursor is one range of an index, whether its rows in
-- `change` were swept or not. An older binary would store entries without one, which no reader
-- would ever be told of: hence compatible_from.

ALTER TABLE revocation ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE not_before ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
-- When the key was found to be compromised; 0 where it is not, or before this migration.
ALTER TABLE signing_key ADD COLUMN compromised_seq INTEGER NOT NULL DEFAULT 0;

-- No reader has a cursor yet: any order will do. Each row takes a place of its own, because what
-- shares one is never split over two answers. None is above the counter: every row once moved it.
UPDATE revocation SET seq = numbered.place
  FROM (SELECT jti, row_number() OVER (ORDER BY jti) AS place FROM revocation) AS numbered
  WHERE numbered.jti = revocation.jti;
UPDATE not_before SET seq = numbered.place
  FROM (SELECT client_id, row_number() OVER (ORDER BY client_id) AS place FROM not_before)
    AS numbered
  WHERE numbered.client_id = not_before.client_id;

-- With expires_at it holds the whole row: an answer is read from the index alone.
CREATE INDEX revocation_seq ON revocation (seq, expires_at);
CREATE INDEX not_before_seq ON not_before (seq);
