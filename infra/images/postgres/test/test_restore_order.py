"""Whose turn it is while a cluster is begun anew, and from what."""

import json
import os
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, "lib")

import yaml  # noqa: E402

import restore_order  # noqa: E402
from patroni_rest import Unreachable  # noqa: E402

ORDER = {"founder": "postgres-0", "members": ["postgres-0", "postgres-1"], "options": ["--type=time", "--target=2026-01-01 00:00:00+00"]}


class Rest:
    """Answers with a status by member and path, or not at all."""

    def __init__(self, answers):
        self.answers = answers

    def ask(self, host, _method, path):
        if (host, path) not in self.answers:
            raise Unreachable(host)
        return self.answers[host, path], ""


class Stop:
    """Requested at the first look after `looks` of them."""

    def __init__(self, looks):
        self.looks = looks

    @property
    def requested(self):
        self.looks -= 1
        return self.looks < 0


class Prepare(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.place = os.path.join(folder.name, "restore.json")
        self.data = os.path.join(folder.name, "pgdata")
        os.mkdir(self.data)
        patches = {"PLACE": self.place, "BROUGHT": os.path.join(folder.name, "brought"), "ASK_AGAIN_SECONDS": 0}
        note = mock.patch.object(restore_order.liveness, "note")
        self.note = note.start()
        self.addCleanup(note.stop)
        for name, value in patches.items():
            patch = mock.patch.object(restore_order, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def prepare(self, name, answers, looks=10):
        return restore_order.prepare(self.data, {"PATRONI_NAME": name}, Rest(answers), 0, Stop(looks))

    def leave_order(self):
        with open(self.place, "w", encoding="utf-8") as file:
            json.dump(ORDER, file)

    def test_without_an_order_nothing_is_touched(self):
        self.assertEqual(self.prepare("postgres-1", {}), restore_order.CONFIGURATION)
        self.assertTrue(os.path.isdir(self.data))

    def test_a_member_that_is_to_be_copied_keeps_its_data_until_the_founder_leads(self):
        self.leave_order()
        self.prepare("postgres-1", {("postgres-0", "/primary"): 503})
        self.assertTrue(os.path.isdir(self.data) and os.path.exists(self.place))
        self.note.assert_called()
        self.prepare("postgres-1", {("postgres-0", "/primary"): 200})
        self.assertFalse(os.path.isdir(self.data) or os.path.exists(self.place))

    def test_the_founder_touches_nothing_while_another_member_runs(self):
        self.leave_order()
        with mock.patch.object(restore_order.subprocess, "run") as run:
            self.prepare("postgres-0", {("postgres-1", "/liveness"): 200})
            run.assert_not_called()
        self.assertTrue(os.path.isdir(self.data))

    def test_the_founder_forgets_the_cluster_and_keeps_the_order(self):
        self.leave_order()
        with mock.patch.object(restore_order.subprocess, "run") as run, \
                mock.patch.object(restore_order, "write_configuration"):
            self.assertEqual(self.prepare("postgres-0", {}), restore_order.FOUNDER_CONFIGURATION)
            run.assert_called_once()
        self.assertTrue(os.path.exists(self.place))
        self.assertEqual(os.listdir(self.data), [])


class Store:
    """As Patroni's on Kubernetes: objects with annotations."""

    _CONFIG = "config"

    def __init__(self, objects):
        self._kinds = {name: mock.Mock(**{"metadata.annotations": annotations}) for name, annotations in objects.items()}
        self.patched = {}

    def patch_or_create(self, name, annotations, _version, _patch):
        self.patched[name] = annotations


class Empty(unittest.TestCase):
    def test_takes_all_but_the_shared_configuration_out_of_the_objects(self):
        store = Store({"dujyo-config": {"config": "{}", "initialize": "7", "history": "[]"}, "dujyo-leader": {"leader": "postgres-0"}, "dujyo-sync": None})
        restore_order.empty(store)
        self.assertEqual(store.patched, {"dujyo-config": {"initialize": None, "history": None}, "dujyo-leader": {"leader": None}})


class Bootstrap(unittest.TestCase):
    def test_from_the_repository_up_to_the_target(self):
        configuration = restore_order.with_bootstrap({"bootstrap": {"dcs": {}}}, ORDER, "/data")["bootstrap"]
        self.assertEqual(configuration["method"], "restore")
        self.assertEqual(configuration["restore"]["command"],
                         "/usr/bin/pgbackrest --stanza=dujyo --type=time '--target=2026-01-01 00:00:00+00' restore")

    def test_from_what_was_brought_here(self):
        order = {name: value for name, value in ORDER.items() if name != "options"}
        self.assertEqual(restore_order.command(order, "/data"), ["/bin/cp", "--archive", f"{restore_order.BROUGHT}/.", "/data"])

    def test_stays_when_the_members_configuration_changes(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        members, founder = (os.path.join(folder.name, name) for name in ("patroni.yml", "founder.yml"))
        with mock.patch.multiple(restore_order, CONFIGURATION=members, FOUNDER_CONFIGURATION=founder):
            # Not a founder.
            restore_order.renew_configuration()
            self.assertFalse(os.path.exists(founder))
            configuration = {"bootstrap": {"dcs": {}}, "postgresql": {"authentication": "former"}}
            for path, content in ((members, configuration), (founder, restore_order.with_bootstrap(configuration, ORDER, "/data"))):
                with open(path, "w", encoding="utf-8") as file:
                    yaml.safe_dump(content, file)
            with open(members, "w", encoding="utf-8") as file:
                yaml.safe_dump({**configuration, "postgresql": {"authentication": "new"}}, file)
            restore_order.renew_configuration()
            with open(founder, encoding="utf-8") as file:
                renewed = yaml.safe_load(file)
        self.assertEqual(renewed["postgresql"], {"authentication": "new"})
        self.assertEqual(renewed["bootstrap"]["method"], "restore")


if __name__ == "__main__":
    unittest.main()
