"""Where PostgreSQL listens, and when it has to listen elsewhere."""

import socket
import sys
import unittest
from unittest import mock

sys.path.insert(0, "lib")

import own_addresses  # noqa: E402

ELSEWHERE = "192.0.2.7"
HERE = "127.0.0.2"


def resolves_to(*addresses):
    return mock.patch.object(own_addresses, "_resolve", return_value=list(addresses))


def own(*addresses):
    with resolves_to(*addresses):
        return own_addresses.OwnAddresses("p")


class Listening(unittest.TestCase):
    def test_at_loopback_and_its_own(self):
        self.assertEqual(own(ELSEWHERE, "2001:db8::7").listen(5432), f"127.0.0.1,{ELSEWHERE},2001:db8::7:5432")

    def test_at_loopback_alone_without_a_network(self):
        self.assertEqual(own_addresses.OwnAddresses("no-such-host.invalid").listen(5432), "127.0.0.1:5432")

    def test_a_name_has_the_address_that_the_machine_knows(self):
        self.assertIn("127.0.0.1", own_addresses.OwnAddresses("localhost").found)

    def test_addresses_are_read_as_the_kernel_writes_them(self):
        self.assertEqual(own_addresses._readable(bytes.fromhex("0111A8C0")), "192.168.17.1")
        self.assertEqual(own_addresses._readable(bytes.fromhex("B80D0120000000000000000007000000")), "2001:db8::7")


class Missed(unittest.TestCase):
    def serve(self, *addresses):
        """Somebody who listens there, and on which port."""
        port = 0
        for address in addresses:
            server = socket.create_server((address, port))
            self.addCleanup(server.close)
            port = server.getsockname()[1]
        return port

    def missed(self, member, port, *addresses):
        with resolves_to(*addresses):
            return member.are_missed(port)

    def test_not_where_its_own_is_listened_at(self):
        member = own(HERE)
        with resolves_to(ELSEWHERE) as asked:
            self.assertFalse(member.are_missed(self.serve("127.0.0.1", HERE)))
            asked.assert_not_called()

    def test_not_where_postgresql_does_not_run(self):
        self.assertFalse(self.missed(own(HERE), 1, HERE))

    def test_not_while_it_has_none(self):
        self.assertFalse(self.missed(own(ELSEWHERE), self.serve("127.0.0.1")))

    def test_where_its_own_was_away_when_postgresql_started(self):
        self.assertTrue(self.missed(own(HERE), self.serve("127.0.0.1"), HERE))

    def test_where_it_has_another(self):
        self.assertTrue(self.missed(own(ELSEWHERE), self.serve("127.0.0.1"), HERE))
        self.assertTrue(self.missed(own(), self.serve("127.0.0.1"), HERE))


if __name__ == "__main__":
    unittest.main()
