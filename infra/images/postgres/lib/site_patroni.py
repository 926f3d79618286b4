"""Patroni for a member of two sites: in the log of the site that it follows it goes by a name of its own.

Patroni streams under the member's name. The members of both sites have the same names, and the leading site would count the
other one's in its quorum: a commit would be acknowledged that none of its own replicas has. Patroni has no setting for it.
"""

from patroni.__main__ import main
from patroni.dcs import RemoteMember
from patroni.postgresql.config import ConfigHandler

SITE_NAME = "other-site"

original = ConfigHandler.primary_conninfo_params


def primary_conninfo_params(self, member):
    parameters = original(self, member)
    if parameters and isinstance(member, RemoteMember):
        parameters["application_name"] = SITE_NAME
    return parameters


ConfigHandler.primary_conninfo_params = primary_conninfo_params

if __name__ == "__main__":
    main()
