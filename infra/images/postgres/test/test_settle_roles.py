"""How the pooler is told of changed passwords."""

import sys
import unittest
from unittest import mock

sys.path.insert(0, "lib")

import psycopg2  # noqa: E402
import settle_roles  # noqa: E402

POOLER = {"host": "pgbouncer", "port": 6432}


class LogInAt(unittest.TestCase):
    def log_in(self, answers, clock=(0,)):
        """With one answer of the pooler after the other, the last for ever; likewise the seconds of the clock."""
        answers, clock = list(answers), list(clock)

        def following(values):
            return values.pop(0) if len(values) > 1 else values[0]

        with mock.patch.object(settle_roles, "secret", side_effect=lambda name: f"content of {name}"), \
                mock.patch.object(settle_roles.psycopg2, "connect") as connect, \
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
