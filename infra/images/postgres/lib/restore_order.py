"""An order to begin the cluster anew from other data, left beside every member's own while it was told to stop.

The founder forgets the old cluster in the store, has Patroni found the new one from what the order names, and leads. Each
other member waits for that and is copied from it. Whoever starts them, and however often, the order is carried out: it stays
until its member has done its part. Nobody begins while a member of the old cluster still runs.
"""

import json
import os
import select
import shlex
import shutil
import subprocess
import sys

# It also runs as a program of its own, isolated from its folder.
sys.path.insert(0, os.path.dirname(__file__))

import liveness  # noqa: E402
from cluster_view import dynamic_cache  # noqa: E402
from member_log import say  # noqa: E402

PLACE = "/var/lib/dujyo/restore.json"
# Data that was brought here from another stack; goes with the order.
BROUGHT = "/var/lib/dujyo/brought"
CONFIGURATION = "/etc/dujyo/patroni.yml"
# In memory and closed to others: it holds passwords.
FOUNDER_CONFIGURATION = "/run/patroni-founder.yml"
STORE_SECONDS = 60
ASK_AGAIN_SECONDS = 1


def read():
    """The order, or None: {"founder", "members", "options"}; without options the data was brought here."""
    try:
        with open(PLACE, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return None


def prepare(data, environment, rest, wake, stop):
    """Before Patroni; returns the configuration that it is to run with, also when `stop` was requested meanwhile."""
    order = read()
    if order is None:
        return CONFIGURATION
    name, founder = environment["PATRONI_NAME"], order["founder"]
    if name != founder:
        wait(f"{founder} to lead a restored cluster", lambda: leads(rest, founder), wake, stop)
        if not stop.requested:
            shutil.rmtree(data, ignore_errors=True)
            end()
        return CONFIGURATION
    others = [member for member in order["members"] if member != name]
    wait("the members of the former cluster to stop", lambda: not any(answers(rest, other) for other in others), wake, stop)
    if not stop.requested:
        # Patroni's library stays out of this process, which lives as long as the member.
        subprocess.run([sys.executable, "-IB", __file__, data], env=environment, check=True, timeout=STORE_SECONDS)
        shutil.rmtree(data, ignore_errors=True)
        os.makedirs(data, mode=0o700)
        write_configuration(order, data)
    return FOUNDER_CONFIGURATION


def end():
    """This member has done its part."""
    shutil.rmtree(BROUGHT, ignore_errors=True)
    os.remove(PLACE)


def wait(what, condition, wake, stop):
    said = False
    while not stop.requested and not condition():
        if not said:
            say(f"restore: waiting for {what}")
            said = True
        # Others take their time: this member is well meanwhile.
        liveness.note()
        select.select([wake], [], [], ASK_AGAIN_SECONDS)


def answers(rest, member):
    from patroni_rest import Unreachable

    try:
        rest.ask(member, "GET", "/liveness")
    except Unreachable:
        return False
    return True


def leads(rest, member):
    from patroni_rest import Unreachable

    try:
        return rest.ask(member, "GET", "/primary")[0] == 200
    except Unreachable:
        return False


def command(order, data):
    if "options" in order:
        return ["/usr/bin/pgbackrest", "--stanza=dujyo", *order["options"], "restore"]
    return ["/bin/cp", "--archive", f"{BROUGHT}/.", data]


def with_bootstrap(configuration, order, data):
    """Patroni's configuration, with the way in which this cluster is founded."""
    method = {"command": shlex.join(command(order, data)), "no_params": True, "keep_existing_recovery_conf": True}
    return {**configuration, "bootstrap": {**configuration["bootstrap"], "method": "restore", "restore": method}}


def write_configuration(order, data):
    import yaml

    with open(CONFIGURATION, encoding="utf-8") as file:
        configuration = yaml.safe_load(file)
    _write_founder(with_bootstrap(configuration, order, data))


def renew_configuration():
    """After a change of the members' configuration: a founder runs with one of its own until its next start."""
    import yaml

    try:
        with open(FOUNDER_CONFIGURATION, encoding="utf-8") as file:
            bootstrap = yaml.safe_load(file)["bootstrap"]
    except FileNotFoundError:
        return
    with open(CONFIGURATION, encoding="utf-8") as file:
        configuration = yaml.safe_load(file)
    _write_founder({**configuration, "bootstrap": bootstrap})


def _write_founder(configuration):
    import yaml

    with open(os.open(FOUNDER_CONFIGURATION, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        yaml.safe_dump(configuration, file)


def empty(store):
    """On Kubernetes members may write the cluster's objects and not delete them."""
    for name, stored in store._kinds.copy().items():
        gone = {key: None for key in stored.metadata.annotations or {} if key != store._CONFIG}
        if gone:
            store.patch_or_create(name, gone, None, True)


def forget(data):
    """Takes the cluster out of the store, all but the shared configuration."""
    from patroni.config import Config
    from patroni.dcs import get_dcs

    store = get_dcs(Config(CONFIGURATION))
    config = store.get_cluster().config
    # A start that was cut off between the two lines below has taken it from the store already.
    shared = (config and config.data) or dynamic_cache(data)
    if hasattr(store, "patch_or_create"):
        empty(store)
    else:
        store.delete_cluster()
    if shared:
        store.set_config_value(json.dumps(shared, separators=(",", ":")))
    say("restore: the former cluster is out of the store")


if __name__ == "__main__":
    forget(sys.argv[1])
