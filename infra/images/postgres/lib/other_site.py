"""The other site of the same database: whether it leads. Where it does, this one must not.

The other site's writer endpoint leads to a primary or to nobody: a cluster that follows has none. Both sites share the
roles, their passwords and the root certificate, so that whoever answers there is the same database.
"""

import json
import os
import select

import liveness
from cluster_view import dynamic_cache
from member_log import say

CONFIGURATION = "/etc/dujyo/patroni.yml"
PLACE = "/etc/dujyo/other-site.json"
ROOT_CERTIFICATE = "/etc/dujyo/tls/ca.crt"
ROLE = "dujyo_repl"
# A hand-over on the other side passes within this time; a site that does not answer in it does not lead.
CONNECT_SECONDS = 3
ASK_AGAIN_SECONDS = 5


def exists():
    return os.path.exists(PLACE)


def leads(password):
    """Whether the other site, if there is one, answers as a primary."""
    if not exists():
        return False
    # The supervisor lives as long as the member, and needs this for a moment, where there are two sites.
    import psycopg2
    from psycopg2.extras import PhysicalReplicationConnection

    with open(PLACE, encoding="utf-8") as file:
        place = json.load(file)
    try:
        # For replication, since that is all that this role may do; the server's first words tell what it is.
        connection = psycopg2.connect(
            **place, user=ROLE, password=password, application_name="other-site", connect_timeout=CONNECT_SECONDS,
            sslmode="verify-full", sslrootcert=ROOT_CERTIFICATE, connection_factory=PhysicalReplicationConnection,
        )
    except psycopg2.OperationalError:
        return False
    try:
        return connection.info.parameter_status("in_hot_standby") == "off"
    finally:
        connection.close()


def hold_back(data, wake, stop):
    """Before Patroni: returns when this site may lead, or when `stop` is requested, of which `wake` tells.

    A site that follows may start at any time, and so may one without data of its own.
    """
    shared = dynamic_cache(data)
    if not exists() or not shared or "standby_cluster" in shared:
        return
    password = _members_password()
    said = False
    while not stop.requested and leads(password):
        if not said:
            say("the other site leads: this one stays down as long as that answers (docs/kubernetes.md, Two sites)")
            said = True
        liveness.note()
        select.select([wake], [], [], ASK_AGAIN_SECONDS)


def _members_password():
    import yaml

    with open(CONFIGURATION, encoding="utf-8") as file:
        return yaml.safe_load(file)["postgresql"]["authentication"]["replication"]["password"]
