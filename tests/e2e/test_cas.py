"""More than one CA: failover and return, trials, the canary, profiles."""

import signal
import time

import pytest

from harness.fetch import Fetcher
from harness.process import wait_for
from harness.two_cas import ca, issuer

CERT_TRIAL = 3		# enum cert_state, store/cert.h
WARNINGS, ERRORS = 1, 2


@pytest.fixture
def two(make_two):
	return make_two()


def live(two, daemon, *names):
	two.rig.dns.point(*names)
	daemon.add(*names)


def live_and_proven(two, daemon, name):
	"""... once the canary has been with the second CA."""
	live(two, daemon, name)
	wait_for("the canary", lambda: ca(daemon, "second")["proven"], 20)


def trials(daemon):
	return daemon.rows("SELECT count(*) FROM cert WHERE state = ?",
			   CERT_TRIAL)[0][0]


def assert_nobody_blamed(daemon, *names):
	for name in names:
		assert daemon.troubles(name) == []
	assert daemon.rows("SELECT count(*) FROM domain WHERE failures > 0"
			   " OR problem <> ''") == [(0,)]


# Trying things out.

def findings(daemon, name):
	return [[f["id"] for f in facts["findings"] if f["id"] != "txt.missing"]
		for facts in
		(daemon.domain(name), daemon.json("status"))]


def test_a_staging_certificate_is_no_good_end(rig, daemon, name):
	daemon.settings["ca_order"] = ["try-staging"]
	daemon.more_cas["try-staging"] = daemon.ca
	daemon.reload()
	rig.dns.point(name)
	wait_for("the reload", lambda: [c["name"] for c in daemon.json(
		"ca", "list")["cas"]] == ["try-staging"])
	daemon.add(name)
	assert findings(daemon, name) == [["cert.staging"]] * 2
	assert daemon.ctl("status").status == WARNINGS

	daemon.settings["ca_order"] = ["pebble"]
	daemon.reload()
	wait_for("the reload", lambda: [c["name"] for c in daemon.json(
		"ca", "list")["cas"]] == ["pebble"])
	daemon.ok("cert", "renew", name, "--wait")
	assert findings(daemon, name) == [[], []]


# The canary.

def test_the_second_ca_is_proven_by_a_canary(two, name):
	daemon = two.daemon().start()
	live_and_proven(two, daemon, name)

	served = two.client(daemon).fetch(f"mta-sts.{name}")
	shown = daemon.json("cert", "show", name)["certificate"]
	assert shown["ca"] == issuer(daemon, name) == "pebble"
	assert int(served.serial, 16) == int(shown["serial"], 16)
	assert [row["certificate"]["serial"] for row
		in daemon.json("cert", "list")["certs"]] == [shown["serial"]]
	assert "trial with second passed" in daemon.ok("log", name)
	assert "\n\nsecond\n" in daemon.ok("ca", "show")
	assert_nobody_blamed(daemon, name)

	time.sleep(3)
	daemon.stop()
	daemon.start()
	time.sleep(2)
	assert (trials(daemon), two.second.issued()) == (1, 1)


def test_one_ca_needs_no_canary(rig, daemon, name):
	rig.dns.point(name)
	daemon.add(name)
	time.sleep(2)
	assert trials(daemon) == 0


# What is asked for.

def test_try_proves_and_changes_nothing(two, name):
	daemon = two.daemon().start()
	live_and_proven(two, daemon, name)
	host, client = f"mta-sts.{name}", two.client(daemon)
	before = client.fetch(host)

	for which, count in ("second", 2), ("pebble", 3):
		out = daemon.ok("cert", "try", name, "--ca", which, "--wait")
		assert f"trial with {which} passed" in out
		assert trials(daemon) == count

	assert client.fetch(host).serial == before.serial
	assert daemon.serial(name) == int(before.serial, 16)
	assert len(daemon.json("cert", "list")["certs"]) == 1
	assert_nobody_blamed(daemon, name)


def test_try_fails_where_the_name_leads_elsewhere(make_two, name):
	two = make_two(authz_reuse=0)
	daemon = two.daemon().start()
	live_and_proven(two, daemon, name)
	serial = daemon.serial(name)
	two.rig.dns.point(name, address="127.0.0.9")

	tried = daemon.ctl("cert", "try", name, "--ca", "second", "--wait")

	assert tried.status == ERRORS, tried
	assert "trial with second failed" in tried.err
	assert "on port 80" in tried.err	# the hint
	assert daemon.serial(name) == serial
	assert_nobody_blamed(daemon, name)


def test_try_waits_for_a_ca_that_is_down(two, name):
	daemon = two.daemon().start()
	live_and_proven(two, daemon, name)
	two.second.process.kill()

	tried = daemon.ctl("cert", "try", name, "--ca", "second", "--wait",
			   "--timeout", "5s")
	assert tried.status == ERRORS, tried
	assert "connect" in tried.err.lower()
	assert ca(daemon, "second")["down_since"]

	two.second.start()
	out = daemon.ok("cert", "try", name, "--ca", "second", "--wait")
	assert "trial with second passed" in out
	assert ca(daemon, "second")["down_since"] is None


def test_try_with_a_wrong_key_says_so(two, name):
	two.key.write_text("d3Jvbmc\n")
	daemon = two.daemon().start()
	live(two, daemon, name)

	tried = daemon.ctl("cert", "try", name, "--ca", "second", "--wait",
			   "--timeout", "6s")

	assert tried.status == ERRORS, tried
	assert two.second.issued() == 0
	assert ca(daemon, "second")["account"] == "refused"
	assert ca(daemon, "second")["problem"] in tried.err
	assert_nobody_blamed(daemon, name)


# Profiles. Pebble 2.4.0 offers none.

def test_nothing_is_ordered_without_the_required_profile(two, name):
	daemon = two.daemon(profile="shortlived", profile_required=True).start()
	live(two, daemon, name)

	tried = daemon.ctl("cert", "try", name, "--ca", "second", "--wait",
			   "--timeout", "5s")

	assert tried.status == ERRORS, tried
	assert "profile" in tried.err
	assert "profile" in ca(daemon, "second")["problem"]
	assert "profile_required" in daemon.ok("ca", "list")
	assert two.second.orders() == 0
	assert_nobody_blamed(daemon, name)


def test_a_preferred_profile_may_be_missing(rig, name):
	daemon = rig.daemon()
	daemon.ca["profile"] = "shortlived"
	daemon.start()
	rig.dns.point(name)
	daemon.add(name)
	assert issuer(daemon, name) == "pebble"


# Failover. With certificates of a minute nobody waits for a CA that is down.
# One that is back gets one renewal to show it, and all with the next round.

NAMES = ["a.test", "b.test", "c.test"]


def wait_issuer(daemon, which, seconds):
	wait_for(f"certificates from {which}", lambda: all(
		issuer(daemon, name) == which for name in NAMES), seconds, 0.2)


def test_failover_and_return(make_two):
	two = make_two(validity=60)
	daemon = two.daemon().start()
	live(two, daemon, *NAMES)
	wait_for("the canary", lambda: ca(daemon, "second")["proven"], 20)
	client = two.client(daemon)

	with Fetcher(client, [f"mta-sts.{name}" for name in NAMES],
		     pause=0.05) as fetcher:
		two.first.process.kill()
		wait_issuer(daemon, "second", 45)
		down = ca(daemon, "pebble")
		said = daemon.ctl("status")
		two.first.start()	# as one that has forgotten us
		two.trust(client, two.first)
		wait_issuer(daemon, "pebble", 80)

	assert fetcher.failures == []
	assert down["role"] == "first" and down["down_since"]
	assert "connect" in down["problem"].lower()
	assert "ca pebble: " in said.out and said.status == 1
	assert_nobody_blamed(daemon, *NAMES)
	assert ca(daemon, "pebble")["down_since"] is None
	assert ca(daemon, "pebble")["used"]


def test_a_ca_that_hangs_loses_its_orders_to_the_next(make_two):
	two = make_two(validity=60)
	daemon = two.daemon().start()
	live(two, daemon, *NAMES)
	wait_for("the canary", lambda: ca(daemon, "second")["proven"], 20)

	two.first.process.process.send_signal(signal.SIGSTOP)
	try:
		wait_for("orders at the first", lambda: daemon.rows(
			"SELECT count(*) FROM ord JOIN ca ON ca.id = ca_id"
			" WHERE ended_at = 0 AND ca.name = 'pebble'")
			== [(len(NAMES),)], 45)
		wait_issuer(daemon, "second", 110)
	finally:
		two.first.process.process.send_signal(signal.SIGCONT)

	assert "CA pebble: no answer in time" in daemon.ok("log")
	assert_nobody_blamed(daemon, *NAMES)
	wait_issuer(daemon, "pebble", 80)
