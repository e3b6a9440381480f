-- The search index has text without diacritics now: it is made anew, by the
-- housekeeper or the first search that needs it.
INSERT INTO search (search) VALUES ('delete-all');
UPDATE state SET indexed = 0;
