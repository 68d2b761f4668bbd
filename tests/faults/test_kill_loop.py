"""The daemon is killed every few seconds, for as long as one likes.

Port 80 is a patient one (harness/front.py): who is killed loses nothing of the
CA's. Some names never succeed, for another box answers on port 80 for them:
their back-off must not begin anew because the daemon does.
"""

import os
import random
import time

import pytest

from harness.front import Front
from harness.process import wait_for
from harness.rig import Rig

MINUTES = float(os.environ.get("KILL_MINUTES") or 10)
LOST = 5		# names that never succeed
FAULT = ("a SIGKILL every 1 to 5 s for {}, over {} domains, while "
	 "certificates are renewed", "all are issued; no duplicate "
	 "certificate; restarts reset no back-off")

FAILURES = ("SELECT name, failures, due_at FROM domain WHERE name LIKE"
	    " 'lost%' ORDER BY name")


class Loop:
	"""A rig with `count` names that can be had, and some that cannot."""

	def __init__(self, count, life):
		self.dice = random.Random(5)
		self.rig = Rig(validity=life).start()
		self.front = Front(self.rig.http_port)
		self.daemon = self.rig.daemon(http_port=self.front.behind)
		# Ten minutes stand for years; only back-off is to slow us.
		self.daemon.ca |= {"limit_new_orders": "none",
				   "limit_failed_validations": "none"}
		self.names = [f"kill{i}.test" for i in range(count)]
		self.lost = [f"lost{i}.test" for i in range(LOST)]
		self.front.strangers = {f"mta-sts.{n}" for n in self.lost}
		self.kills = 0
		self.backoff = []	# FAILURES, before each kill

	def close(self):
		self.front.close()
		self.rig.close()

	def begin(self):
		self.rig.dns.point(*self.names, *self.lost)
		self.daemon.start()
		for name in self.lost + self.names:
			status, view = self.daemon.api(
				"POST", "/v1/domains",
				{"name": name, "mx": [f"mx.{name}"]})
			assert status == 200, view

	def kill_for(self, seconds):
		end = time.monotonic() + seconds
		while time.monotonic() < end:
			time.sleep(self.dice.uniform(1, 5))
			self.daemon.kill()
			self.kills += 1
			self.backoff.append(self.daemon.rows(FAILURES))
			self.daemon.start()
		self.backoff.append(self.daemon.rows(FAILURES))

	def count(self, sql, *values):
		return self.daemon.rows(sql, *values)[0][0]

	def all_live(self):
		return self.count("SELECT count(*) FROM domain WHERE state = 2"
				  " AND name LIKE 'kill%'") == len(self.names)

	# Rows go in time; numbers do not come back.

	def certificates(self):
		return self.count("SELECT max(id) FROM cert")

	def orders(self):
		return self.count("SELECT max(id) FROM ord")


@pytest.fixture
def make_loop():
	loops = []

	def make(count, life):
		loops.append(Loop(count, life))
		return loops[-1]

	try:
		yield make
		for loop in loops:
			loop.rig.end_daemons()
	finally:
		for loop in loops:
			loop.close()


@pytest.mark.quick
@pytest.mark.fault(5, FAULT[0].format("20 s", 30), FAULT[1])
def test_twenty_seconds(make_loop, saw):
	run(make_loop(30, life=30), 20, saw)


@pytest.mark.fault(5, FAULT[0].format(f"{MINUTES:g} min", 500), FAULT[1])
def test_ten_minutes(make_loop, saw):
	run(make_loop(500, life=max(120, int(MINUTES * 30))), MINUTES * 60, saw)


def run(loop, seconds, saw):
	loop.begin()
	loop.kill_for(seconds)
	wait_for("all to be live", loop.all_live, 120)
	loop.daemon.stop()

	saw(f"{loop.kills} kills, {loop.certificates()} certificates in "
	    f"{loop.orders()} orders, the CA counts {loop.rig.pebble.issued()}; "
	    f"failures of those that cannot succeed: "
	    f"{[failures for _, failures, _ in loop.backoff[-1]]}")
	assert loop.kills >= seconds / 10
	assert_no_duplicates(loop)
	assert_renewed_in_time(loop)
	assert_backoff_goes_on(loop)


def assert_no_duplicates(loop):
	"""The CA has issued what we have, and what is just under way."""
	under_way = loop.count("SELECT count(*) FROM ord WHERE ended_at = 0")
	more = loop.rig.pebble.issued() - loop.certificates()
	assert 0 <= more <= under_way


def assert_renewed_in_time(loop):
	"""No certificate came while the one before had more than half its
	life, which is when short ones are renewed; spread by 2 %."""
	assert loop.certificates() > len(loop.names)
	assert loop.daemon.rows(
		"SELECT d.name, a.serial, b.serial"
		" FROM cert a JOIN cert b ON b.domain_id = a.domain_id"
		" JOIN domain d ON d.id = a.domain_id"
		" WHERE b.id > a.id AND b.created_at - a.not_before <"
		" (a.not_after - a.not_before) * 45 / 100") == []


def assert_backoff_goes_on(loop):
	"""Failures only grow, and nobody is due earlier for a restart."""
	for name, failures, _ in loop.backoff[-1]:
		assert 0 < failures <= len(loop.daemon.orders(name)) <= \
			failures + 1
	for before, after in zip(loop.backoff, loop.backoff[1:]):
		then = {name: rest for name, *rest in before}
		for name, failures, due_at in after:
			if name not in then:
				continue
			assert failures >= then[name][0]
			if failures == then[name][0] > 0:
				assert due_at >= then[name][1] or due_at == 0
