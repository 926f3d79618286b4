-- People. Personal fields never reach the database in clear: the service encrypts them with a key that the
-- database does not hold, and stores bytes. A blind index (HMAC of the normalised value, under a second key)
-- lets the service find a row by e-mail and keeps the value unique without revealing it.
CREATE TABLE users (
    user_id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    wallet_address   text NOT NULL UNIQUE CHECK (length(wallet_address) <= 64 AND wallet_address ~ '^[A-Za-z0-9_-]+$'),
    username         text UNIQUE CHECK (length(username) BETWEEN 1 AND 255),
    user_type        text NOT NULL DEFAULT 'listener' CHECK (user_type IN ('listener', 'artist')),
    email_ciphertext bytea NOT NULL,
    email_index      bytea NOT NULL UNIQUE CHECK (octet_length(email_index) = 32),
    password_hash    text NOT NULL,
    -- Which generation of the key wrote the ciphertext, so that a rotation can go row by row.
    key_version      smallint NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);

COMMENT ON COLUMN users.email_ciphertext IS 'AEAD ciphertext (nonce, ciphertext, tag); the key lives outside the database';
COMMENT ON COLUMN users.email_index IS 'HMAC-SHA-256 of the lower-cased e-mail address; the key lives outside the database';
