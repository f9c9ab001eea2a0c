-- compatible_from: 1
--
-- All that authentication needs of a client in its own row: of a million clients, one that is not
-- in memory is then a page or two away instead of a dozen. `document` is derived from the other
-- tables, and here alone: triggers keep it in step whoever writes, an older binary too.
--
-- It is a sequence of `<tag><number>:<length in octets>:<octets>`, each list in its order, that
-- storage/sqlite/client_document.h reads:
--   s position scope      a position audience, d default_position: of the audience before it
--   r position resource   A, S, I position value: of client_exchange, audience, scope, issuer
--   n name, v value: of one claim
--   k created_at secret_id, p imported pepper_id, h expires_at digest in hex: of one secret

ALTER TABLE client ADD COLUMN document TEXT NOT NULL DEFAULT '';

CREATE VIEW client_document (client_id, document) AS
SELECT client.id,
  coalesce((SELECT group_concat('s' || position || ':' ||
      length(CAST(scope AS BLOB)) || ':' || scope, '')
    FROM client_scope WHERE client_id = client.id), '') ||
  coalesce((SELECT group_concat('a' || position || ':' ||
      length(CAST(audience AS BLOB)) || ':' || audience ||
      coalesce('d' || default_position || ':0:', ''), '')
    FROM client_audience WHERE client_id = client.id), '') ||
  coalesce((SELECT group_concat('r' || position || ':' ||
      length(CAST(resource AS BLOB)) || ':' || resource, '')
    FROM client_serves WHERE client_id = client.id), '') ||
  coalesce((SELECT group_concat(upper(substr(kind, 1, 1)) || position || ':' ||
      length(CAST(value AS BLOB)) || ':' || value, '')
    FROM client_exchange WHERE client_id = client.id), '') ||
  coalesce((SELECT group_concat('n:' || length(CAST(name AS BLOB)) || ':' || name ||
      'v:' || length(CAST(value AS BLOB)) || ':' || value, '')
    FROM client_claim WHERE client_id = client.id), '') ||
  coalesce((SELECT group_concat('k' || created_at || ':' ||
      length(CAST(secret_id AS BLOB)) || ':' || secret_id ||
      'p' || imported || ':' || length(CAST(pepper_id AS BLOB)) || ':' || pepper_id ||
      'h' || coalesce(expires_at, '') || ':64:' || hex(digest), '')
    FROM client_secret WHERE client_id = client.id), '')
FROM client;

UPDATE client SET document = (SELECT document FROM client_document WHERE client_id = client.id);

CREATE TRIGGER client_scope_insert AFTER INSERT ON client_scope BEGIN
  UPDATE client SET document = (SELECT document FROM client_document WHERE client_id = client.id)
   WHERE id = NEW.client_id;
END;
CREATE TRIGGER client_scope_update AFTER UPDATE ON client_scope BEGIN
  UPDATE client SET document = (SELECT document FROM client_document WHERE client_id = client.id)
   WHERE id IN (OLD.client_id, NEW.client_id);
END;
CREATE TRIGGER client_scope_delete AFTER DELETE ON client_scope BEGIN
  UPDATE client SET document = (SELECT document FROM client_document WHERE client_id = client.id)
   WHERE id = OLD.client_id;
END;
CREATE TRIGGER client_audience_insert AFTER INSERT ON client_audience BEGIN
  UPDATE client SET document = (SELECT document FROM client_document WHERE client_id = client.id)
   WHERE id = NEW.client_id;
END;
CREATE TRIGGER client_audience_update AFTER UPDATE ON client_audience BEGIN
  UPDATE client SET document = (SELECT document FROM client_document WHERE client_id = client.id)
   WHERE id IN (OLD.client_id, NEW.client_id);
END;
CREATE TRIGGER client_audience_delete AFTER DELETE ON client_audience BEGIN
  UPDATE client SET document = (SELECT document FROM client_document WHERE client_id = client.id)
   WHERE id = OLD.client_id;
END;
CREATE TRIGGER client_serves_insert AFTER INSERT ON client_serves BEGIN
  UPDATE client SET document = (SELECT document FROM client_document WHERE client_id = client.id)
   WHERE id = NEW.client_id;
END;
CREATE TRIGGER client_serves_update AFTER UPDATE ON client_serves BEGIN
  UPDATE client SET document = (SELECT document FROM client_document WHERE client_id = client.id)
   WHERE id IN (OLD.client_id, NEW.client_id);
END;
CREATE TRIGGER client_serves_delete AFTER DELETE ON client_serves BEGIN
  UPDATE client SET document = (SELECT document FROM client_document WHERE client_id = client.id)
   WHERE id = OLD.client_id;
END;
CREATE TRIGGER client_exchange_insert AFTER INSERT ON client_exchange BEGIN
  UPDATE client SET document = (SELECT document FROM client_document WHERE client_id = client.id)
   WHERE id = NEW.client_id;
END;
CREATE TRIGGER client_exchange_update AFTER UPDATE ON client_exchange BEGIN
  UPDATE client SET document = (SELECT document FROM client_document WHERE client_id = client.id)
   WHERE id IN (OLD.client_id, NEW.client_id);
END;
CREATE TRIGGER client_exchange_delete AFTER DELETE ON client_exchange BEGIN
  UPDATE client SET document = (SELECT document FROM client_document WHERE client_id = client.id)
   WHERE id = OLD.client_id;
END;
CREATE TRIGGER client_claim_insert AFTER INSERT ON client_claim BEGIN
  UPDATE client SET document = (SELECT document FROM client_document WHERE client_id = client.id)
   WHERE id = NEW.client_id;
END;
CREATE TRIGGER client_claim_update AFTER UPDATE ON client_claim BEGIN
  UPDATE client SET document = (SELECT document FROM client_document WHERE client_id = client.id)
   WHERE id IN (OLD.client_id, NEW.client_id);
END;
CREATE TRIGGER client_claim_delete AFTER DELETE ON client_claim BEGIN
  UPDATE client SET document = (SELECT document FROM client_document WHERE client_id = client.id)
   WHERE id = OLD.client_id;
END;
-- Not its label and last use: the latter moves each minute.
CREATE TRIGGER client_secret_insert AFTER INSERT ON client_secret BEGIN
  UPDATE client SET document = (SELECT document FROM client_document WHERE client_id = client.id)
   WHERE id = NEW.client_id;
END;
CREATE TRIGGER client_secret_update AFTER UPDATE OF client_id, secret_id, pepper_id, digest,
    imported, created_at, expires_at ON client_secret BEGIN
  UPDATE client SET document = (SELECT document FROM client_document WHERE client_id = client.id)
   WHERE id IN (OLD.client_id, NEW.client_id);
END;
CREATE TRIGGER client_secret_delete AFTER DELETE ON client_secret BEGIN
  UPDATE client SET document = (SELECT document FROM client_document WHERE client_id = client.id)
   WHERE id = OLD.client_id;
END;
