"""The addresses that PostgreSQL listens at: the member's loopback interface and its own in the stack's network, no other."""

import socket

LOOPBACK = "127.0.0.1"
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
LISTENS = "0A"


class OwnAddresses:
    """Taken when the member starts. A container that is put back into its network may get another one."""

    def __init__(self, name):
        self.name = name
        self.found = _resolve(name)

    def listen(self, port):
        """In the form in which Patroni wants it. Without an address of its own the member is there for itself alone."""
        return f"{','.join([LOOPBACK, *self.found])}:{port}"

    def are_missed(self, port):
        """Whether PostgreSQL runs and listens at none of the member's addresses, so that nobody else reaches it.

        So it is where the member came back under another address, and where PostgreSQL was started while it had none. A
        member that is cut off may get its own back. Names are asked for then only, since whoever answers for them may be
        out of reach, too.
        """
        here = [address for address in self.found if _is_here(address)] or _resolve(self.name)
        listening = _listening(port)
        return bool(here) and bool(listening) and listening.isdisjoint(here)


def _resolve(name):
    try:
        answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except socket.gaierror:
        return []
    return sorted({address[0] for *_, address in answers})


def _is_here(address):
    """The kernel binds a socket to addresses of this machine alone."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _listening(port):
    """Addresses at which anybody listens on `port`, as the kernel tells."""
    found = set()
    for table in TABLES:
        try:
            with open(table, encoding="ascii") as file:
                rows = [line.split() for line in file]
        except FileNotFoundError:
            # A kernel without IPv6.
            continue
        for row in rows[1:]:
            address, number = row[1].split(":")
            if row[3] == LISTENS and int(number, 16) == port:
                found.add(_readable(bytes.fromhex(address)))
    return found


def _readable(raw):
    """The kernel writes addresses as words of four bytes, the last byte first."""
    ordered = b"".join(raw[start : start + 4][::-1] for start in range(0, len(raw), 4))
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, ordered)
