"""Patroni as members run it: with three additions for which it has no setting."""

import os
import socket
import sys

from patroni.__main__ import main
from patroni.dcs import RemoteMember
from patroni.dcs.etcd import DnsCachingResolver
# Before patroni.ha: each of the two imports the other.
from patroni.postgresql.config import ConfigHandler
from patroni.ha import Ha

# It runs isolated from its folder.
sys.path.insert(0, os.path.dirname(__file__))

import first_start  # noqa: E402
import other_site  # noqa: E402
import patroni_rest  # noqa: E402

DATA = os.environ.get("PGDATA", "/var/lib/dujyo/pgdata")
SITE_NAME = "other-site"


def note_who_founds(ha_class):
    """A member that asks to found the cluster notes that beside its data, for its next start.

    The store does not say who is founding. A founder that is killed before initdb has written anything would wait for
    itself for ever, and all others with it.
    """
    original = ha_class.__init__

    def __init__(self, patroni):
        original(self, patroni)
        initialize = self.dcs.initialize

        def initialize_noted(create_new=True, sysid=""):
            if sysid:
                return initialize(create_new=create_new, sysid=sysid)
            first_start.note_founding(DATA)
            founds = initialize(create_new=create_new)
            if not founds:
                first_start.note_waiting(DATA)
            return founds

        self.dcs.initialize = initialize_noted

    ha_class.__init__ = __init__


def go_by_another_name_at_the_other_site(handler_class):
    """Patroni streams under the member's name. The members of both sites have the same names, and the leading site would
    count the other one's in its quorum: a commit would be acknowledged that none of its own replicas has.
    """
    original = handler_class.primary_conninfo_params

    def primary_conninfo_params(self, member):
        parameters = original(self, member)
        if parameters and isinstance(member, RemoteMember):
            parameters["application_name"] = SITE_NAME
        return parameters

    handler_class.primary_conninfo_params = primary_conninfo_params


def look_members_up_anew(resolver_class):
    """Patroni 4.0.7 keeps the address of a name for ten minutes, for etcd's sake, but of members, too.

    One that came back under another address, as after each change of its pod, would be out of reach for the others: none
    of them would be handed the lead, or elected, as long as its vote is needed.
    """
    original = resolver_class.resolve
    last_known = {}

    def resolve(self, host, port):
        if port != patroni_rest.PORT:
            return original(self, host, port)
        try:
            last_known[host] = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        except OSError:
            # Whoever answers for names may be lost together with the leader.
            pass
        return last_known.get(host, [])

    resolver_class.resolve = resolve


if __name__ == "__main__":
    note_who_founds(Ha)
    look_members_up_anew(DnsCachingResolver)
    if other_site.exists():
        go_by_another_name_at_the_other_site(ConfigHandler)
    main()
