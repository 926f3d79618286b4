"""The member's own lines in its log, in the fields of Patroni's."""

import json
import sys
import time


def say(text):
    line = {"time": time.strftime("%Y-%m-%d %H:%M:%S"), "level": "INFO", "module": "member", "message": text}
    print(json.dumps(line), file=sys.stderr, flush=True)
