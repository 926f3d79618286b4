"""Which role gets which password, and how the pooler is told of them."""

import os
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, "lib")

import psycopg2  # noqa: E402
import settle_roles  # noqa: E402

POOLER = {"host": "pgbouncer", "port": 6432, "instances": "pgbouncer-instances"}


class SetPasswords(unittest.TestCase):
    def set(self, files, roles):
        """Statements that change roles, given the secret files and what (verifier, may log in) the roles have."""
        cursor = mock.MagicMock()
        cursor.__enter__.return_value = cursor
        there = {role: (f"verifier of {role}", True) for role in settle_roles.PASSWORDS}
        cursor.fetchall.return_value = [(role, *have) for role, have in {**there, **roles}.items()]
        secrets = {name: "" if role in settle_roles.IN_TURN else f"secret of {role}" for role, name in settle_roles.PASSWORDS.items()}
        secrets.update(files)
        with mock.patch.object(settle_roles, "secret", side_effect=secrets.__getitem__), \
                mock.patch.object(settle_roles, "encrypt_password", side_effect=lambda password, *_, **__: f"of {password}"), \
                mock.patch.object(settle_roles, "matches", side_effect=lambda password, verifier: verifier == f"of {password}"), \
                mock.patch.object(settle_roles, "say"):
            settle_roles._set_passwords(mock.Mock(cursor=lambda: cursor))
        statements = [call.args for call in cursor.execute.mock_calls if call.args[0].startswith("ALTER")]
        return {role: statement for statement in statements for role in settle_roles.PASSWORDS if f'"{role}"' in statement[0]}

    PAIR = {"dujyo-repl-password": "one", "dujyo-repl-b-password": "two"}

    def test_of_a_pair_both_while_both_have_one(self):
        changes = self.set(self.PAIR, {"dujyo_repl": ("of one", True), "dujyo_repl_b": (None, False)})
        self.assertNotIn("dujyo_repl", changes)
        self.assertEqual(changes["dujyo_repl_b"], ('ALTER ROLE "dujyo_repl_b" LOGIN PASSWORD %s', ("of two",)))

    def test_of_a_pair_one_alone_the_other_is_closed(self):
        files = {"dujyo-repl-b-password": "two"}
        changes = self.set(files, {"dujyo_repl": ("of one", True), "dujyo_repl_b": ("of two", True)})
        self.assertEqual(changes["dujyo_repl"], ('ALTER ROLE "dujyo_repl" NOLOGIN PASSWORD NULL',))
        self.assertNotIn("dujyo_repl_b", changes)
        changes = self.set(files, {"dujyo_repl": (None, False), "dujyo_repl_b": ("of two", False)})
        self.assertNotIn("dujyo_repl", changes)
        # Closed in an earlier turn, in data that was brought back.
        self.assertIn("dujyo_repl_b", changes)

    def test_the_superuser_s_is_the_first_that_is_known(self):
        changes = self.set({"postgres-password": "new\nformer"}, {"postgres": ("of former", True)})
        self.assertEqual(changes["postgres"][1], ("of new",))
        self.assertNotIn("postgres", self.set({"postgres-password": "new\nformer"}, {"postgres": ("of new", True)}))


class LogIn(unittest.TestCase):
    def log_in(self, in_force, *known):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        passfile = os.path.join(folder.name, "pgpass")

        def connect(_):
            with open(passfile, encoding="utf-8") as file:
                if file.read() != f"*:*:*:postgres:{in_force}\n":
                    raise psycopg2.OperationalError("password authentication failed")
            return mock.Mock()

        with mock.patch.object(settle_roles, "PASSFILE", passfile), \
                mock.patch.object(settle_roles.psycopg2, "connect", side_effect=connect):
            settle_roles._log_in("postgres-0", known)

    def test_with_whichever_is_in_force(self):
        self.log_in("new", "new", "former")
        self.log_in("former", "new", "former")

    def test_or_says_that_none_is(self):
        with self.assertRaisesRegex(settle_roles.Failure, "can not log in at postgres-0: password authentication failed"):
            self.log_in("other", "new", "former")


def resolve(instances):
    def getaddrinfo(name, port, **_):
        if not instances:
            raise OSError(-2, "Name or service not known")
        return [(2, 1, 6, "", (address, port)) for address in instances]

    return getaddrinfo


class LogInAt(unittest.TestCase):
    def log_in(self, answers, clock=(0,), instances=("10.0.0.1",)):
        """With one answer of the pooler after the other, the last for ever; likewise the seconds of the clock."""
        answers, clock = list(answers), list(clock)

        def following(values):
            return values.pop(0) if len(values) > 1 else values[0]

        with mock.patch.object(settle_roles, "secret", side_effect=lambda name: f"content of {name}"), \
                mock.patch.object(settle_roles.psycopg2, "connect") as connect, \
                mock.patch.object(settle_roles.socket, "getaddrinfo", side_effect=resolve(instances)), \
                mock.patch.object(settle_roles.time, "sleep"), \
                mock.patch.object(settle_roles.time, "monotonic", side_effect=lambda: following(clock)), \
                mock.patch.object(settle_roles, "say") as say:
            def answer(**_):
                error = following(answers)
                if error:
                    raise error
                return mock.Mock()

            connect.side_effect = answer
            settle_roles._log_in_at(POOLER)
        self.places = [call.kwargs["hostaddr"] for call in connect.mock_calls]
        logins = [(call.kwargs["user"], call.kwargs["dbname"], call.kwargs["password"]) for call in connect.mock_calls]
        return logins, say.mock_calls

    def test_once_for_each_pool_the_api_s_own_first(self):
        logins, said = self.log_in([None])
        self.assertEqual(logins, [
            ("dujyo_app", "dujyo_blockchain", "content of dujyo-app-password"),
            ("dujyo_readonly", "dujyo_blockchain_ro", "content of dujyo-readonly-password"),
            ("dujyo_app", "dujyo_blockchain_ro", "content of dujyo-app-password"),
            ("dujyo_readonly", "dujyo_blockchain", "content of dujyo-readonly-password"),
        ])
        self.assertEqual(said, [])

    def test_at_each_instance(self):
        self.log_in([None], instances=("10.0.0.2", "10.0.0.1"))
        self.assertEqual(self.places, ["10.0.0.1"] * 4 + ["10.0.0.2"] * 4)

    def test_nowhere_where_none_is_found(self):
        logins, said = self.log_in([None], instances=())
        self.assertEqual(logins, [])
        self.assertEqual(len(said), 1)

    def test_again_while_a_replica_has_the_former_password(self):
        refused = psycopg2.OperationalError("SASL authentication failed")
        logins, said = self.log_in([None, refused, refused, None])
        self.assertEqual([database for _, database, _ in logins].count("dujyo_blockchain_ro"), 4)
        self.assertEqual(said, [])

    def test_not_for_ever_and_no_failure(self):
        away = psycopg2.OperationalError("could not translate host name")
        logins, said = self.log_in([away], clock=(0, 1, 11))
        self.assertEqual(len(logins), 5)
        self.assertEqual(len(said), 4)


if __name__ == "__main__":
    unittest.main()
