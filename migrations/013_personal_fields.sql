-- Who reads personal fields, and that it leaves a record. Roles that do not exist are left out.

DO $$
BEGIN
    -- The reading role looks people up by what is public of them.
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'dujyo_readonly') THEN
        REVOKE SELECT ON users FROM dujyo_readonly;
        GRANT SELECT (user_id, wallet_address, username, user_type, key_version, created_at, updated_at) ON users TO dujyo_readonly;
    END IF;
    -- pgAudit logs whatever statement makes use of a right that this role has, whoever gives it; it does nothing else.
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'dujyo_audited') THEN
        GRANT SELECT (email_ciphertext, email_index, password_hash) ON users TO dujyo_audited;
    END IF;
END
$$;
