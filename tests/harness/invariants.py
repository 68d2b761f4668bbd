"""What holds after every fault, whatever it was.

The numbers are those of the plan of faults:

I1, I6	each name that has a certificate is served one: not expired, for this
	name, with its key, and the one that the store says
I2	an order of ours had at most one certificate issued
I3	the CA has issued as many certificates as we have rows
I4	no more orders at the CA than we decided to make, and one a crash
I5	the database is sound, and no domain has two orders under way
I7	no published limit of the CA was exceeded, and nothing was asked that
	a strict CA complains of
I9	each order that failed was told once
"""

from .daemon import ORDER_DEAD, ORDER_DONE
from .process import wait_for

CERT_BAD = 2		# enum cert_state, store/cert.h
MOST_FETCHED = 40


def check_all(stage, crashes=None, breaches=()):
	"""When nothing is left to do, or soon. `crashes`: orders that a lost
	answer may have cost (where the CA does not tell us of them), 0 if it is
	a fakeca; `breaches`: limits that the story itself exceeds."""
	wait_for("the CA and the store to agree", lambda: agree(stage), 10)
	i2_one_certificate_an_order(stage)
	i3_as_many_certificates_as_rows(stage)
	i4_no_more_orders_than_decided(stage, crashes)
	i5_sound(stage)
	i7_no_limit_exceeded(stage, breaches)
	i9_each_failure_told_once(stage)
	i1_served(stage)


def check_box(box):
	"""What holds at the end of any story, also in the middle of orders and
	of outages: I1, I2 (if the CA is there to be asked), I5."""
	if box.ca.process.is_alive():
		i2_one_certificate_an_order(box)
	i5_sound(box)
	i1_served(box)


def agree(stage):
	return total_issued(stage) == rows_ever(stage, "cert") and \
		under_way(stage) == 0


def cas_of(stage):
	return [stage.ca, *stage.more_cas]


def total_issued(stage):
	return stage.issued() + sum(ca.issued() for ca in stage.more_cas)


def rows_ever(stage, table):
	"""Of all time: old ones are deleted."""
	rows = stage.daemon.rows("SELECT seq FROM sqlite_sequence"
				 " WHERE name = ?", table)
	return rows[0][0] if rows else 0


def under_way(stage):
	"""Orders of which we may not know yet that they have a certificate."""
	return stage.daemon.rows("SELECT count(*) FROM ord WHERE ended_at = 0"
				 " AND finalize_url <> '' AND state >= 5")[0][0]


def i1_served(stage):
	"""What was renewed just now may take a moment to be presented."""
	client = stage.client()
	for name, former in stage.daemon.rows(
			"SELECT d.name, c.serial FROM domain d JOIN cert c"
			" ON c.id = d.cert_id LIMIT ?", MOST_FETCHED):
		wait_for(f"{name} to show what the store has",
			 lambda: is_shown(stage, client, name, former), 5)


def is_shown(stage, client, name, former):
	reply = client.fetch(f"mta-sts.{name}")
	assert (name, reply.status) == (name, 200)
	assert reply.not_after > stage.now()
	now = stage.daemon.rows("SELECT c.serial FROM domain d JOIN cert c"
				" ON c.id = d.cert_id WHERE d.name = ?", name)
	return int(reply.serial, 16) in {int(former, 16), int(now[0][0], 16)}


def i2_one_certificate_an_order(stage):
	for ca in cas_of(stage):
		if not hasattr(ca, "serials"):
			continue	# pebble: I3 says the same
		done = {o["id"] for o in ca.call("GET", "/orders")
			if o["certificate"]}
		assert len(done) == len({o["certificate"] for o in
					 ca.call("GET", "/orders")
					 if o["certificate"]})
	twice = stage.daemon.rows(
		"SELECT order_url FROM ord WHERE order_url <> '' AND state = ?"
		" GROUP BY order_url HAVING count(*) > 1", ORDER_DONE)
	assert twice == []


def i3_as_many_certificates_as_rows(stage):
	assert total_issued(stage) == rows_ever(stage, "cert")


def i4_no_more_orders_than_decided(stage, crashes):
	if crashes is None:
		crashes = 0 if hasattr(stage.ca, "serials") else stage.crashes
	made = stage.orders_made() + sum(ca.orders() for ca in stage.more_cas)
	assert made <= rows_ever(stage, "ord") + crashes


def i5_sound(stage):
	assert stage.daemon.rows("PRAGMA integrity_check") == [("ok",)]
	assert stage.daemon.rows("PRAGMA foreign_key_check") == []
	assert stage.daemon.rows(
		"SELECT domain_id FROM ord WHERE ended_at = 0"
		" GROUP BY domain_id, trial HAVING count(*) > 1") == []


def i7_no_limit_exceeded(stage, breaches):
	for ca in cas_of(stage):
		if not hasattr(ca, "serials"):
			continue
		assert ca.call("GET", "/complaints") == []
		seen = ca.counts()
		assert set(seen["breaches"]) <= set(breaches), \
			seen["first_breach"]


def i9_each_failure_told_once(stage):
	rows = stage.daemon.rows
	assert rows("SELECT count(*) FROM ord WHERE state = ? AND problem = ''",
		    ORDER_DEAD) == [(0,)]
	live, = rows("SELECT count(*) FROM ord WHERE ended_at = 0")[0]
	bad, = rows("SELECT count(*) FROM cert WHERE state = ?", CERT_BAD)[0]
	done = rows_ever(stage, "cert") - bad
	dead = rows_ever(stage, "ord") - live - done
	told = len(stage.told("order.failed", "trial.failed"))
	assert told == dead, f"{dead} orders failed, {told} were told"
