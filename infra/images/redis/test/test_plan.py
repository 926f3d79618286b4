"""The plan on pictures of clusters. Run: python3 -m unittest discover -s infra/images/redis/test"""

import pathlib
import sys
import unittest
from dataclasses import replace

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from reconcile import actions
from reconcile.desired import Desired, Member, Refusal
from reconcile.placement import slot_share
from reconcile.plan import next_leaving_step, next_step
from reconcile.view import Node, Place, Report, State, parse_nodes, parse_place


def declared(shards: int, replicas: int) -> Desired:
    count = shards * (1 + replicas)
    return Desired(tuple(Member(f"redis-{i}", f"redis-{i}", 6379 + i) for i in range(count)), shards, replicas)


def node(index: int, primary: int | None = None, slots: frozenset[int] = frozenset()) -> Node:
    name = None if primary is None else f"id{primary}"
    return Node(f"id{index}", f"redis-{index}", f"10.0.0.{index}", 6379 + index, frozenset(), name, True, slots, False)


def reports_of(nodes: list[Node], keys: int = 0) -> dict[str, Report]:
    """Members that all know each other, every replica in sync."""
    view = {n.id: n for n in nodes}
    return {
        n.host: Report(n.host, n.id, view, keys, 1, True, n.primary is not None, sum(m.primary == n.id for m in nodes))
        for n in nodes
    }


def formed(shards: int, keys: int = 10) -> list[Node]:
    pairs = []
    for shard in range(shards):
        pairs += [node(2 * shard, slots=frozenset(slot_share(shard, shards))), node(2 * shard + 1, primary=2 * shard)]
    return pairs


def fresh(index: int, keys: int = 0) -> Report:
    return Report(f"redis-{index}", f"id{index}", {f"id{index}": node(index)}, keys, 0, False, False, 0)


class PlanTest(unittest.TestCase):
    def test_waits_for_a_silent_member(self):
        step = next_step(declared(3, 1), State({}, {"redis-3": "refused"}))
        self.assertEqual(step, actions.Wait("redis-3 does not answer: refused"))

    def test_founds_a_cluster_of_empty_members(self):
        reports = {f"redis-{i}": fresh(i) for i in range(6)}
        self.assertIsInstance(next_step(declared(3, 1), State(reports, {})), actions.Found)

    def test_founds_nothing_when_a_member_holds_keys(self):
        reports = {f"redis-{i}": fresh(i, keys=i) for i in range(6)}
        with self.assertRaisesRegex(Refusal, "redis-1 holds 1 keys"):
            next_step(declared(3, 1), State(reports, {}))

    def test_neighbours_become_one_shard(self):
        reports = reports_of([node(i) for i in range(6)])
        step = next_step(declared(3, 1), State(reports, {}))
        moves = (("redis-1", "redis-0"), ("redis-3", "redis-2"), ("redis-5", "redis-4"))
        self.assertEqual(step, actions.Replicate(moves))

    def test_leaves_a_cluster_alone_that_is_as_declared(self):
        self.assertEqual(next_step(declared(3, 1), State(reports_of(formed(3)), {})), actions.Done())

    def test_does_not_undo_a_failover(self):
        nodes = formed(3)
        nodes[0], nodes[1] = node(0, primary=1), node(1, slots=nodes[0].slots)
        self.assertEqual(next_step(declared(3, 1), State(reports_of(nodes), {})), actions.Done())

    def test_takes_an_empty_member_in_and_refuses_one_with_keys(self):
        reports = reports_of(formed(3))
        joined = {**reports, "redis-6": fresh(6), "redis-7": fresh(7)}
        self.assertEqual(next_step(declared(4, 1), State(joined, {})), actions.Meet("redis-6", "redis-0"))
        joined["redis-6"] = fresh(6, keys=3)
        with self.assertRaisesRegex(Refusal, "redis-6 holds 3 keys"):
            next_step(declared(4, 1), State(joined, {}))

    def test_resets_an_empty_member_of_another_time(self):
        stale = replace(fresh(6), nodes={"id6": node(6), "old": node(9)})
        reports = {**reports_of(formed(3)), "redis-6": stale, "redis-7": fresh(7)}
        self.assertEqual(next_step(declared(4, 1), State(reports, {})), actions.Reset("redis-6", hard=True))

    def test_a_new_shard_gets_its_replica_before_its_slots(self):
        nodes = [*formed(3), node(6), node(7)]
        self.assertEqual(
            next_step(declared(4, 1), State(reports_of(nodes), {})), actions.Replicate((("redis-7", "redis-6"),))
        )
        nodes[7] = node(7, primary=6)
        step = next_step(declared(4, 1), State(reports_of(nodes), {}))
        self.assertEqual(step, actions.Rebalance(("redis-0", "redis-2", "redis-4", "redis-6"), ()))

    def test_repairs_open_slots_first(self):
        nodes = formed(3)
        nodes[0] = replace(nodes[0], open_slots=True)
        self.assertEqual(next_step(declared(3, 1), State(reports_of(nodes), {})), actions.Repair())

    def split(self, nodes: list[Node], staying: int) -> State:
        reports = reports_of(nodes)
        leaving = {r.id: r for r in list(reports.values())[staying:]}
        return State(dict(list(reports.items())[:staying]), {}, leaving)

    def test_drains_then_releases_a_leaving_shard_replica_first(self):
        nodes = formed(4)
        step = next_step(declared(3, 1), self.split(nodes, 6))
        self.assertEqual(step, actions.Rebalance(("redis-0", "redis-2", "redis-4"), ("id6",)))
        drained = [*formed(3), node(6), node(7, primary=6)]
        self.assertEqual(next_step(declared(3, 1), self.split(drained, 6)), actions.Release(("id7", "id6")))

    def test_a_leaving_primary_hands_over_to_a_declared_replica(self):
        nodes = formed(3)
        nodes[4] = node(4, primary=6)
        nodes += [node(6, slots=frozenset(slot_share(2, 3)))]
        nodes[5] = node(5, primary=6)
        step = next_step(declared(3, 1), self.split(nodes, 6))
        self.assertEqual(step, actions.HandOver("redis-4", "redis-6", "it leaves"))

    def test_forgets_the_identity_of_a_member_that_lost_its_volume(self):
        nodes = formed(3)
        ghost = replace(node(1, primary=0), id="gone", linked=False, flags=frozenset({"fail"}))
        reports = reports_of([n for n in nodes if n.id != "id1"] + [node(1)])
        for name, report in reports.items():
            reports[name] = replace(report, nodes={**report.nodes, "gone": ghost})
        step = next_step(declared(3, 1), State(reports, {}))
        self.assertIsInstance(step, actions.Forget)
        self.assertEqual(step.node, "gone")

    def test_never_forgets_slots_of_an_undeclared_node_that_is_away(self):
        nodes = formed(4)
        state = self.split(nodes, 6)
        step = next_step(declared(3, 1), State(state.reports, {}))
        self.assertIsInstance(step, actions.Wait)
        self.assertIn("slots belong to redis-6", step.reason)

    def test_before_members_go_only_those_that_leave_are_looked_at(self):
        nodes = formed(3)
        nodes[0] = replace(nodes[0], open_slots=True)
        reports = reports_of(nodes)
        for silent in ({}, {"redis-5": "refused"}):
            self.assertEqual(next_leaving_step(declared(3, 1), State(reports, silent)), actions.Done())
        self.assertEqual(next_leaving_step(declared(3, 1), State({}, {"redis-0": "unknown"})), actions.Done())
        self.assertEqual(next_leaving_step(declared(4, 1), State(reports, {"redis-6": "unknown"})), actions.Done())

    def test_before_members_go_they_are_drained_and_released(self):
        nodes = formed(4)
        step = next_leaving_step(declared(3, 1), self.split(nodes, 6))
        self.assertEqual(step, actions.Rebalance(("redis-0", "redis-2", "redis-4"), ("id6",)))
        drained = [*formed(3), node(6), node(7, primary=6)]
        self.assertEqual(next_leaving_step(declared(3, 1), self.split(drained, 6)), actions.Release(("id7", "id6")))
        self.assertEqual(next_leaving_step(declared(3, 1), State(reports_of(formed(3)), {})), actions.Done())

    def test_nobody_goes_while_one_that_stays_or_one_that_leaves_with_slots_is_silent(self):
        state = self.split(formed(4), 6)
        silent = replace(state, silent={"redis-1": "refused"})
        self.assertIsInstance(next_leaving_step(declared(3, 1), silent), actions.Wait)
        self.assertIsInstance(next_leaving_step(declared(3, 1), State(state.reports, {})), actions.Wait)


class ApartTest(unittest.TestCase):
    def placed(self, *places: str) -> State:
        """Three shards of two members each, on these nodes, or on these nodes in these zones."""
        reports = reports_of(formed(3))
        for (name, report), place in zip(reports.items(), places, strict=True):
            reports[name] = replace(report, place=Place(*place.split()))
        return State(reports, {})

    def carried_out(self, state: State) -> State:
        """The picture after each change that is ordered, until none is."""
        for _ in range(10):
            step = next_step(declared(3, 1), state)
            now = {name: report.me for name, report in state.reports.items()}
            if isinstance(step, actions.Replicate):
                for name, primary in step.moves:
                    now[name] = replace(now[name], primary=now[primary].id)
            elif isinstance(step, actions.HandOver):
                heir, former = now[step.replica], now[step.primary]
                now[step.replica] = replace(heir, primary=None, slots=former.slots)
                now[step.primary] = replace(former, primary=heir.id, slots=frozenset())
            else:
                self.assertEqual(step, actions.Done())
                return state
            seen = reports_of(list(now.values()))
            state = State({n: replace(seen[n], place=r.place) for n, r in state.reports.items()}, {})
        self.fail("never done")

    def test_members_of_one_shard_on_one_node_change_places(self):
        step = next_step(declared(3, 1), self.placed("a", "a", "b", "c", "c", "b"))
        self.assertEqual(step, actions.Replicate((("redis-1", "redis-2"), ("redis-3", "redis-0"))))

    def test_in_the_end_no_shard_is_on_one_node_and_no_node_has_half_of_the_primaries(self):
        for places in ("aabbcc", "abbacc", "aabcbc", "abacbc", "abcabc", "aaabbc"):
            state = self.carried_out(self.placed(*places))
            by_id = {report.id: report for report in state.reports.values()}
            primaries = [report.place for report in by_id.values() if report.is_primary]
            self.assertEqual(len(set(primaries)), 3, places)
            for report in by_id.values():
                if not report.is_primary:
                    self.assertNotEqual(report.place, by_id[report.me.primary].place, places)

    def test_a_node_of_its_own_comes_before_a_zone_of_its_own(self):
        # Zones x: a, b; y: c. The replica beside its primary goes, though its new primary is in its zone, too.
        state = self.placed("a x", "a x", "c y", "b x", "c y", "b x")
        step = next_step(declared(3, 1), state)
        self.assertEqual(step, actions.Replicate((("redis-1", "redis-2"), ("redis-3", "redis-0"))))
        zones = self.placed("a x", "b x", "c y", "d y", "e z", "f z")
        self.assertIsInstance(next_step(declared(3, 1), zones), actions.Replicate)

    def test_nobody_moves_where_it_changes_nothing_or_nobody_tells(self):
        for places in (["a"] * 6, [""] * 6, list("aabaca"), list("ababab")):
            state = self.placed(*places)
            self.assertEqual(next_step(declared(3, 1), state), actions.Done(), places)

    def test_a_primary_beside_others_hands_over_to_its_replica_elsewhere(self):
        step = next_step(declared(3, 1), self.placed("a", "b", "a", "c", "b", "c"))
        why = "one place has too many primaries to do without it"
        self.assertEqual(step, actions.HandOver("redis-3", "redis-2", why))

    def test_no_zone_has_half_of_the_primaries_where_a_replica_is_elsewhere(self):
        state = self.placed("a x", "d y", "b x", "e z", "c y", "f z")
        self.assertIsInstance(next_step(declared(3, 1), state), actions.HandOver)
        behind = {name: replace(report, link_up=report.is_primary) for name, report in state.reports.items()}
        self.assertNotIsInstance(next_step(declared(3, 1), State(behind, {})), actions.HandOver)

    def test_a_replica_that_is_not_in_sync_is_waited_for(self):
        state = self.placed("a", "a", "b", "c", "c", "b")
        behind = replace(state.reports["redis-3"], link_up=False)
        step = next_step(declared(3, 1), State({**state.reports, "redis-3": behind}, {}))
        self.assertEqual(step, actions.Wait("redis-3 is not in sync with its primary, and shall change to another"))


class ParseTest(unittest.TestCase):
    def test_reads_where_a_member_runs(self):
        self.assertEqual(parse_place("redis-0/node-a.example/eu-1"), Place("node-a.example", "eu-1"))
        self.assertEqual(parse_place("redis-0/node-a/"), Place("node-a"))
        self.assertEqual(parse_place("redis-0"), Place())

    def test_reads_slots_names_and_open_moves(self):
        line = "a1 10.0.0.1:6379@16379,redis-0 myself,master - 0 0 1 connected 0-2 7 [9->-b2]"
        parsed = parse_nodes(line)["a1"]
        self.assertEqual((parsed.host, parsed.port, parsed.primary), ("redis-0", 6379, None))
        self.assertEqual(parsed.slots, {0, 1, 2, 7})
        self.assertTrue(parsed.open_slots)


if __name__ == "__main__":
    unittest.main()
