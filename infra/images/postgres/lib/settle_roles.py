"""Roles, database and rights: SQL files run on the primary, passwords from secret files."""

import base64
import hashlib
import hmac
import os
import socket
import subprocess
import time

import psycopg2
from psycopg2.extensions import encrypt_password

from settle_cluster import Failure, say

CONFIGURATION = "/etc/dujyo"
PASSFILE = "/run/settle.pgpass"
# Database and file, in the order in which they run.
FILES = (("postgres", "roles.sql"), ("dujyo_blockchain", "database.sql"))
# Each role's password is the secret file of this name. That of the superuser may have a second line: the one that it has
# instead, while it is being changed.
PASSWORDS = {
    "postgres": "postgres-password",
    "dujyo_repl": "dujyo-repl-password",
    "dujyo_repl_b": "dujyo-repl-b-password",
    "dujyo_rewind": "dujyo-rewind-password",
    "dujyo_rewind_b": "dujyo-rewind-b-password",
    "dujyo_user": "dujyo-user-password",
    "dujyo_app": "dujyo-app-password",
    "dujyo_readonly": "dujyo-readonly-password",
    "monitoring": "monitoring-password",
}
# Members log in as one of a pair, and as both while they change over: the one whose file is empty may not log in.
IN_TURN = frozenset({"dujyo_repl", "dujyo_repl_b", "dujyo_rewind", "dujyo_rewind_b"})
# Roles whose verifiers the pooler asks the database for, under both of its names of the database; the API's own pools first.
POOLS = (
    ("dujyo_app", "dujyo_blockchain"), ("dujyo_readonly", "dujyo_blockchain_ro"),
    ("dujyo_app", "dujyo_blockchain_ro"), ("dujyo_readonly", "dujyo_blockchain"),
)
POOLER_SECONDS = 10


def provision(leader, pooler=None):
    """Brings roles, passwords, database and rights on `leader` to what the files say; without effect if they are.

    `pooler`: host and port of the pooler, which is told of them, and a name that leads to all its instances.
    """
    superuser = secret(PASSWORDS["postgres"]).split("\n")
    try:
        _log_in(leader, superuser)
        for database, name in FILES:
            _run(leader, database, os.path.join(CONFIGURATION, name))
            say(f"{name}: in force on {leader}")
        with psycopg2.connect(_conninfo(leader, "postgres")) as connection:
            pooled = _set_passwords(connection)
        connection.close()
        if pooler and pooled:
            _log_in_at(pooler)
    finally:
        os.unlink(PASSFILE)


def _log_in(leader, passwords):
    """Leaves the one of the superuser's passwords that is in force in PASSFILE. Raises Failure where none of them is."""
    for password in passwords:
        with open(os.open(PASSFILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            escaped = password.replace("\\", "\\\\").replace(":", "\\:")
            file.write(f"*:*:*:postgres:{escaped}\n")
        try:
            psycopg2.connect(_conninfo(leader, "postgres")).close()
            return
        except psycopg2.OperationalError as error:
            refusal = str(error).strip()
    raise Failure(f"postgres can not log in at {leader}: {refusal}")


def _conninfo(host, database):
    return (
        f"host={host} port=5432 user=postgres dbname={database} passfile={PASSFILE} application_name=settle "
        f"sslmode=verify-full sslrootcert={CONFIGURATION}/tls/ca.crt connect_timeout=5"
    )


def _run(host, database, path):
    command = ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={path}", _conninfo(host, database)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if result.returncode != 0:
        raise Failure(f"{path}: {result.stderr.strip()}")


def _set_passwords(connection):
    """Returns whether there were roles that pool before."""
    with connection.cursor() as cursor:
        # Nothing about passwords, hashed ones included, in the log or among the statements' figures.
        cursor.execute("SET log_min_duration_statement = -1; SET log_statement = 'none'; "
                       "SET pg_stat_statements.track = 'none'; SET log_min_error_statement = 'panic'")
        cursor.execute("SELECT rolname, rolpassword, rolcanlogin FROM pg_authid")
        there = {role: (verifier, may_log_in) for role, verifier, may_log_in in cursor.fetchall()}
        for role, file in PASSWORDS.items():
            verifier, may_log_in = there[role]
            password = secret(file).split("\n")[0]
            if role in IN_TURN and not password:
                if may_log_in:
                    cursor.execute(f'ALTER ROLE "{role}" NOLOGIN PASSWORD NULL')
                    say(f"{role}: may not log in any more")
                continue
            if may_log_in and matches(password, verifier):
                continue
            verifier = encrypt_password(password, role, scope=connection, algorithm="scram-sha-256")
            cursor.execute(f'ALTER ROLE "{role}" LOGIN PASSWORD %s', (verifier,))
            say(f"{role}: password set")
    return all(there[role][0] for role, _ in POOLS)


def _log_in_at(pooler):
    """At each instance once for each pool. PgBouncer knows no passwords: it opens sessions with what the last login of a role
    has proved, and after a change none can be opened until somebody logs in with the new one. Replicas learn of it a moment
    later."""
    for address in _addresses(pooler):
        _log_in_at_instance(pooler, address)


def _addresses(pooler):
    try:
        found = socket.getaddrinfo(pooler["instances"], pooler["port"], type=socket.SOCK_STREAM)
    except OSError as error:
        say(f"{pooler['instances']} leads to no pooler: {error.strerror}")
        return []
    return sorted({address for *_, (address, *_) in found})


def _log_in_at_instance(pooler, address):
    deadline = time.monotonic() + POOLER_SECONDS
    for role, database in POOLS:
        while True:
            try:
                psycopg2.connect(
                    host=pooler["host"], hostaddr=address, port=pooler["port"], user=role, password=secret(PASSWORDS[role]),
                    dbname=database, application_name="settle", sslmode="verify-full",
                    sslrootcert=f"{CONFIGURATION}/tls/ca.crt", connect_timeout=3,
                ).close()
                break
            except psycopg2.OperationalError as error:
                if time.monotonic() > deadline:
                    say(f"{role} can not log in at {pooler['host']} ({address}) yet: {str(error).strip()}")
                    break
                time.sleep(0.1)


def matches(password, verifier):
    """Whether the SCRAM-SHA-256 verifier that PostgreSQL keeps was made from `password`."""
    if not verifier or not verifier.startswith("SCRAM-SHA-256$"):
        return False
    rounds, _, rest = verifier[len("SCRAM-SHA-256$"):].partition(":")
    salt, _, keys = rest.partition("$")
    stored = base64.b64decode(keys.split(":")[0])
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(rounds))
    client = hmac.new(salted, b"Client Key", "sha256").digest()
    return hmac.compare_digest(hashlib.sha256(client).digest(), stored)


def secret(name):
    path = os.path.join(CONFIGURATION, "secrets", name)
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().rstrip("\n")
    except OSError as error:
        raise Failure(f"secret {path}: {error.strerror}") from error
