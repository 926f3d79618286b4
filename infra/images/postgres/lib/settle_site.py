"""Which of two sites leads: what a change of the settings may make of a cluster, and what it may not."""

import other_site
from settle_cluster import Failure, say
from settle_roles import PASSWORDS, secret


def check_role(cluster, wanted):
    """Before the shared configuration is applied. Raises Failure where the change would make a second leader, or lose data."""
    leader = cluster.wait_leader().leader
    follows = "standby_cluster" in cluster.rest.document(leader, "/config")
    if "standby_cluster" in wanted and not follows:
        raise Failure(
            "this site leads by itself, and postgres.standby would throw away what the other one does not have: take the "
            "setting away; a site that is to follow is made anew, without its former volumes"
        )
    if "standby_cluster" not in wanted and follows:
        if other_site.leads(secret(PASSWORDS[other_site.ROLE])):
            raise Failure("the other site still leads: take it down, or cut it off, and repeat")
        say("promoting this site, the other one does not lead")
