-- One row is one game, so every request is one statement, and one statement happens or does not:
-- there is no half of it to clean up.
CREATE TABLE games (
    -- COLLATE "C" sorts ids by their bytes, as SQLite does, whatever the machine's language is.
    id           TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    white_player TEXT   NOT NULL,
    black_player TEXT   NOT NULL,
    year         BIGINT,
    -- Each move in UCI notation with a blank before it: ' e2e4 e7e5'. Only ever added to.
    moves        TEXT   NOT NULL,
    -- How many moves that is. It is the row's version: whoever says which number his move has
    -- gets it only while this is one less.
    move_count   BIGINT NOT NULL CHECK (move_count >= 0)
);
