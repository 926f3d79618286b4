"""Where Patroni looks for the other members."""

import socket
import sys
import unittest
from unittest import mock

sys.path.insert(0, "lib")

import member_patroni  # noqa: E402
import patroni_rest  # noqa: E402


class Addresses(unittest.TestCase):
    def setUp(self):
        class Resolver:
            def resolve(self, host, port):
                return f"{host}:{port}, as remembered"

        member_patroni.look_members_up_anew(Resolver)
        self.resolve = Resolver().resolve

    def look_up(self, *answers, port=patroni_rest.PORT):
        with mock.patch.object(member_patroni.socket, "getaddrinfo", side_effect=answers) as asked:
            return self.resolve("postgres-1", port), asked.called

    def test_of_a_member_are_looked_up_each_time(self):
        self.assertEqual(self.look_up(["former"]), (["former"], True))
        self.assertEqual(self.look_up(["present"]), (["present"], True))

    def test_of_a_member_are_the_last_known_when_nobody_answers_for_names(self):
        self.assertEqual(self.look_up(socket.gaierror()), ([], True))
        self.look_up(["known"])
        self.assertEqual(self.look_up(socket.gaierror()), (["known"], True))

    def test_of_the_store_are_kept_as_patroni_does(self):
        self.assertEqual(self.look_up(port=2379), ("postgres-1:2379, as remembered", False))


if __name__ == "__main__":
    unittest.main()
