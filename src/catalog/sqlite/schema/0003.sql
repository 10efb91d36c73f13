-- The first moment at which one is a member no more.
ALTER TABLE member ADD COLUMN ends INTEGER;
