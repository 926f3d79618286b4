"""A restore on trial as a program: what it prints, and with which code it ends."""

import contextlib
import json
import subprocess
import sys
import time

import psycopg2

from ledger_proof import check
from repository import BUSY, Failure, alone, plan
from trial import Trial, newest


def run(options, report, use=None):
    """Restores up to where the options of `pgbackrest restore` say, and hands the trial to `use` while it is there.

    Prints one line of JSON to `report`: what of the ledger is there, its hashes right. Returns 0 done, 1 failed, 75 another
    trial is under way.
    """
    started = time.monotonic()
    try:
        with alone("drill"):
            newest()
            with Trial(plan()["database"], options) as trial:
                with contextlib.closing(trial.connect()) as restored:
                    outcome = {**check(restored), **trial.reached(restored)}
                if use:
                    use(trial)
    except BlockingIOError:
        print("another trial is under way", file=sys.stderr)
        return BUSY
    except (Failure, psycopg2.Error, subprocess.CalledProcessError) as failure:
        print(str(failure).strip(), file=sys.stderr)
        return 1
    print(json.dumps({**outcome, "seconds": round(time.monotonic() - started, 1)}), file=report, flush=True)
    return 0
