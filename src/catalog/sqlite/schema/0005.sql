-- The colours that stand out in a picture, a bit for each; 0: none, or nobody looked at it in this way.
ALTER TABLE look ADD COLUMN colours INTEGER NOT NULL DEFAULT 0 CHECK (colours BETWEEN 0 AND 4095);
-- Those of its current bytes.
ALTER TABLE asset ADD COLUMN colours INTEGER NOT NULL DEFAULT 0 CHECK (colours BETWEEN 0 AND 4095);
