-- What users holds in clear, and why. The rest of a person's fields is bytes that the service encrypted (000).
COMMENT ON COLUMN users.wallet_address IS 'Public: the name of the account in the ledger';
COMMENT ON COLUMN users.username IS 'Public: the name that a user chooses to be shown under, or none; looked up as it is. Erased with the person';
COMMENT ON COLUMN users.user_type IS 'Public: listener or artist';
COMMENT ON COLUMN users.password_hash IS 'One way: nobody can read the password out of it';
