"""A backup restored into an instance of its own on this host, replayed from the archive, and thrown away."""

import os
import shutil
import subprocess
import time

import psycopg2

from repository import CONFIGURATION, Failure, pgbackrest

PLACE = "/var/lib/dujyo/trial"
SOCKETS = "/run/trial"
POLL = 0.5
STOP_SECONDS = 60


class Trial:
    """Restored and promoted inside a `with`; afterwards nothing of it is left."""

    def __init__(self, database, options=()):
        """`options` are those of `pgbackrest restore` that say up to where; without any, all that is archived is replayed."""
        self._database = database
        self._options = options
        self._data = os.path.join(PLACE, "pgdata")
        self._server = None

    def __enter__(self):
        try:
            self._restore()
            self._start()
        except BaseException:
            self._clear()
            raise
        return self

    def __exit__(self, *_):
        self._clear()

    def _restore(self):
        shutil.rmtree(PLACE, ignore_errors=True)
        os.makedirs(self._data, mode=0o700)
        pgbackrest(f"--pg1-path={self._data}", "--archive-mode=off", *self._options, "restore", env=_environment())

    def _start(self):
        os.makedirs(SOCKETS, mode=0o700, exist_ok=True)
        command = ["postgres", "-D", self._data, "-c", f"config_file={CONFIGURATION}/trial.conf"]
        # Its restore_command asks pgBackRest, too.
        self._server = subprocess.Popen(command, stdout=2, env=_environment())
        # With hot_standby off nobody gets in before the replay is over and the instance promoted.
        while True:
            if self._server.poll() is not None:
                raise Failure(f"the restored instance ended with {self._server.returncode}; its own lines are in the log")
            try:
                self.connect().close()
                return
            except psycopg2.OperationalError:
                time.sleep(POLL)

    def connect(self):
        return psycopg2.connect(host=SOCKETS, user="postgres", dbname=self._database)

    def _clear(self):
        if self._server is not None and self._server.poll() is None:
            self._server.terminate()
            try:
                self._server.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
        shutil.rmtree(PLACE, ignore_errors=True)


def _environment():
    """Without the members: to pgBackRest the database is then here."""
    return {name: value for name, value in os.environ.items() if name != "PGBACKREST_CONFIG_INCLUDE_PATH"}
