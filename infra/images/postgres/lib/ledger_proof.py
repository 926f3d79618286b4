"""Whether a restored ledger is the primary's: the same hash of every sealed block, and everything in it as the hashes say."""

import os

import psycopg2

from repository import CONFIGURATION, Failure

# One hash over those of the blocks, in their order. A sealed block never changes, so a moving primary can be asked.
BLOCKS = "SELECT count(*), encode(sha256(coalesce(string_agg(hash, ''::bytea ORDER BY height), '')), 'hex') FROM blocks WHERE height <= %s"


def connect_primary(plan):
    with open(os.path.join(CONFIGURATION, "secrets/dujyo-readonly-password"), encoding="utf-8") as file:
        password = file.read().rstrip("\n")
    return psycopg2.connect(
        host=",".join(plan["members"]), port=5432, user="dujyo_readonly", password=password, dbname=plan["database"],
        target_session_attrs="primary", sslmode="verify-full", sslrootcert=f"{CONFIGURATION}/tls/ca.crt",
        connect_timeout=5, application_name="restore-drill")


def check(restored):
    """What there is, of a session. Raises Failure where the ledger is not what its own hashes say."""
    with restored.cursor() as there:
        height = _one(there, "SELECT max(height) FROM blocks")[0]
        if height is None:
            raise Failure("the restored database has no block at all")
        blocks, digest = _one(there, BLOCKS, height)
        there.execute("SELECT name || ': ' || detail FROM ledger_invariants() WHERE NOT ok")
        broken = [sentence for (sentence,) in there.fetchall()]
        if broken:
            raise Failure(f"the restored ledger contradicts itself: {'; '.join(broken)}")
    return {"height": height, "blocks": blocks, "digest": digest}


def prove(restored, primary):
    """What was compared, of two sessions. Raises Failure with what differs."""
    found = check(restored)
    with primary.cursor() as here:
        expected, digest = _one(here, BLOCKS, found["height"])
        if (found["blocks"], found["digest"]) != (expected, digest):
            raise Failure(f"up to height {found['height']} the restored database has {found['blocks']} blocks with the hash "
                          f"{found['digest']}, the primary {expected} with {digest}")
        tip = _one(here, "SELECT max(height) FROM blocks")[0]
    return {**found, "primary_height": tip}


def _one(cursor, query, *values):
    cursor.execute(query, values)
    return cursor.fetchone()
