"""What the daemon looks at before it orders: addresses, CAA, its own port 80.

For the probes the CA's way is taken from outside: the token stands in the log.
"""

import re

from harness.fetch import Fetcher, fetch_plain
from harness.process import wait_for

PATH = "/.well-known/acme-challenge/"


def words(daemon):
	"""Token and text of the newest start."""
	return re.findall(r"probe (\S+) is answered with (\S+)",
			  daemon.log.read_text())[-1]


def probe(daemon, host, token, method="GET"):
	return fetch_plain(daemon.http_port, host, PATH + token, method)


def test_the_probe_is_answered_under_any_name(rig):
	daemon = rig.daemon(log_level="debug").start()
	token, text = words(daemon)
	daemon.add("precheck-a.test", wait=False)

	for host in "mta-sts.precheck-a.test", "unknown.test", "127.0.0.1":
		for _ in range(8):	# whichever thread it is
			reply = probe(daemon, host, token)
			assert reply.status == 200
			assert reply.body == text.encode()
	assert text != token

	head = probe(daemon, "unknown.test", token, "HEAD")
	assert head.status == 200 and head.body == b""
	assert probe(daemon, "unknown.test", token, "POST").status == 405
	assert probe(daemon, "unknown.test", token[:-1]).status == 404
	assert probe(daemon, "unknown.test", text).status == 404


def test_the_probe_is_this_process_and_no_other(rig):
	daemon = rig.daemon(log_level="debug").start()
	before = words(daemon)
	daemon.stop()
	daemon.start()
	after = words(daemon)

	assert set(before).isdisjoint(after)
	assert probe(daemon, "a.test", before[0]).status == 404
	assert probe(daemon, "a.test", after[0]).body == after[1].encode()


def test_the_words_are_no_secret_of_the_usual_log(rig):
	daemon = rig.daemon().start()
	assert "is answered with" not in daemon.log.read_text()


def reasons(daemon, name):
	return " ".join(f["text"] + " " + f["hint"]
			for f in daemon.domain(name)["findings"])


def events(daemon, name, kind):
	return [e["text"] for e in daemon.json("log", name)["events"]
		if e["kind"] == kind]


def test_caa_must_be_for_our_account(rig, make_fakeca, name):
	"""The record stands above the name, as it mostly does."""
	ca = make_fakeca(http_port=rig.http_port)
	ca.set(caa_identities=["ca.test"])
	daemon = rig.daemon()
	daemon.ca = {"directory": ca.directory, "trust": ca.trust}
	daemon.start()
	rig.dns.set(name, "CAA",
		    '0 issue "ca.test; accounturi=https://ca.test/other"')
	rig.dns.point(name)
	daemon.add(name, wait=False)
	wait_for("the reason", lambda: "is not for our account" in
		 reasons(daemon, name), 20)
	[ours] = [c["account_url"] for c in daemon.json("ca", "list")["cas"]]
	assert ours in reasons(daemon, name) and ca.orders() == 0

	rig.dns.set(name, "CAA", '0 issue "ca.test; validationmethods=dns-01"')
	wait_for("the next", lambda: "validate as we do" in
		 reasons(daemon, name), 60)
	rig.dns.set(name, "CAA", f'0 issue "ca.test; accounturi={ours};'
		    ' validationmethods=dns-01,http-01"')
	daemon.wait_state("live", name, seconds=60)
	assert ca.orders() == 1
	rig.dns.set(name, "CAA")


def test_a_renewal_is_put_off_and_made_all_the_same(make_rig, name):
	"""Certificates of a minute: from 30 s on, at 45 s in any case."""
	rig = make_rig(validity=60)
	daemon = rig.daemon().start()
	rig.dns.point(name)
	daemon.add(name)
	first = daemon.serial(name)
	with Fetcher(rig.client(daemon), [f"mta-sts.{name}"],
		     pause=0.2) as fetcher:
		rig.dns.set(f"mta-sts.{name}", "AAAA", "2001:db8::7")
		wait_for("the renewal", lambda: daemon.serial(name) != first, 58)

	assert fetcher.failures == []
	[why] = events(daemon, name, "precheck.delayed")
	assert "AAAA record 2001:db8::7, which is not this box" in why
	assert daemon.rows("SELECT failures FROM domain") == [(0,)]


def test_who_has_taken_port_80(rig, name):
	"""Another box is where the name leads: it is not ours that answers."""
	daemon = rig.daemon(public_addresses=["127.0.0.1", "127.0.0.9"])
	daemon.start()
	rig.dns.point(name, address="127.0.0.9")	# nobody listens there
	daemon.add(name, wait=False)
	wait_for("the reason", lambda: "127.0.0.9" in reasons(daemon, name), 20)
	assert daemon.orders(name) == []
	rig.dns.point(name)
	daemon.ok("cert", "renew", name, "--wait")
