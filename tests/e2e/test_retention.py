"""Old TLS reports go while policies are served."""

import gzip
import sqlite3
import time

import pytest

from harness.daemon import BUILD
from harness.reports import report, stored
from test_reports import fetch_until, post_each, poster	# noqa: F401 (a fixture)

IS_ASAN = "asan" in BUILD.name
NEW = 5


def bring(poster):
	"""Of two months ago all but a few: how many there are."""
	bodies = [gzip.compress(report(poster.domain, n)) for n in range(600)]
	statuses = []
	post_each(poster, bodies, statuses)
	assert set(statuses) <= {200, 503}
	poster.daemon.stop()
	with sqlite3.connect(poster.daemon.state / "state.db") as db:
		db.execute("UPDATE report SET received_at = received_at -"
			   " 60 * 86400 WHERE id <="
			   f" (SELECT MAX(id) - {NEW} FROM report)")
	db.close()
	poster.daemon.start()
	return stored(poster.daemon)


def p99(took):
	return took[len(took) * 99 // 100]


@pytest.mark.alone
def test_pruning_holds_up_no_sender(rig, poster):
	daemon = poster.daemon
	assert bring(poster) > 300
	client = rig.client(daemon)
	end = time.monotonic() + 2
	idle = p99(fetch_until(client, poster.host,
			       lambda: time.monotonic() > end))
	daemon.settings["report_retention"] = "30d"
	daemon.reload()
	end = time.monotonic() + 120
	took = fetch_until(client, poster.host,
			   lambda: stored(daemon) == NEW or
			   time.monotonic() > end)
	print(f"{len(took)} fetches beside, p99 {p99(took) * 1000:.0f} ms;"
	      f" before, {idle * 1000:.0f} ms")
	assert stored(daemon) == NEW
	if not IS_ASAN:
		assert p99(took) < max(0.1, 3 * idle)	# of a busy machine
