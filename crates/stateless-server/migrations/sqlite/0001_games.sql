-- One row is one game, so every request is one statement, and one statement happens or does not:
-- there is no half of it to clean up.
CREATE TABLE games (
    id           TEXT    NOT NULL PRIMARY KEY,
    white_player TEXT    NOT NULL,
    black_player TEXT    NOT NULL,
    year         INTEGER,
    -- Each move in UCI notation with a blank before it: ' e2e4 e7e5'. Only ever added to.
    moves        TEXT    NOT NULL,
    -- How many moves that is. It is the row's version: whoever says which number his move has
    -- gets it only while this is one less.
    move_count   INTEGER NOT NULL CHECK (move_count >= 0)
) STRICT, WITHOUT ROWID;
