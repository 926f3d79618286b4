import { expect, it } from "vitest";
import { readableLine } from "../../ops/log-line.ts";

it.each([
  [
    "Patroni",
    '{"time": "2026-01-02 03:04:05,678", "level": "INFO", "module": "ha", "message": "no action. I am (postgres-0), the leader"}',
    "2026-01-02 03:04:05,678 INFO no action. I am (postgres-0), the leader module=ha",
  ],
  [
    "the API",
    '{"level":"error","time":"2026-01-02T03:04:05.678Z","instance":"api-0","req":{"id":"7"},"msg":"request failed","err":{"type":"Error","message":"no","stack":"Error: no\\n    at a.ts:1"}}',
    '2026-01-02T03:04:05.678Z ERROR request failed instance=api-0 req={"id":"7"} err={"type":"Error","message":"no"}\n    Error: no\n    at a.ts:1',
  ],
  [
    "a traceback",
    '{"time": "2026-01-02 03:04:05,678", "level": "ERROR", "message": "oops", "exc_info": "Traceback:\\n  1/0"}',
    "2026-01-02 03:04:05,678 ERROR oops\n    Traceback:\n    1/0",
  ],
  [
    "etcd",
    '{"level":"warn","ts":"2026-01-02T03:04:05Z","caller":"a.go:1","msg":"slow disk","took":"1 s"}',
    '2026-01-02T03:04:05Z WARN slow disk caller=a.go:1 took="1 s"',
  ],
  [
    "HAProxy",
    "<25>1 2026-01-02T03:04:05.678+00:00 - haproxy 1 - - Server writer/postgres-0 is DOWN, reason: Layer7 wrong status",
    "2026-01-02T03:04:05.678+00:00 ALERT Server writer/postgres-0 is DOWN, reason: Layer7 wrong status",
  ],
  [
    "PostgreSQL",
    "2026-01-02 03:04:05.678 UTC [7] LOG:  checkpoint starting: time",
    "2026-01-02 03:04:05.678 UTC [7] LOG:  checkpoint starting: time",
  ],
  ["a text that only begins like JSON", "{not json", "{not json"],
])("a line of %s reads well", (_, line, readable) => {
  expect(readableLine(line)).toBe(readable);
});
