"""Names that do not lead here, or not always, and ports 80 of all kinds."""

import pytest

from harness.clock import Leaps, Rush
from harness.flaky_dns import FlakyDns
from harness.process import free_port, wait_for
from harness.stubborn import Loris, Stubborn

HOUR = 3600


@pytest.fixture
def closing():
	"""What a story made is closed at its end."""
	made = []

	def keep(thing):
		made.append(thing)
		return thing

	yield keep
	for thing in made:
		thing.close()


def problem_of(daemon, name):
	return daemon.rows("SELECT problem FROM domain WHERE name = ?",
			   name)[0][0]


# 25. A first certificate: nothing is ordered until the name leads here.

ASTRAY = {
	"nxdomain": ({}, "does not exist in DNS yet"),
	"wrong-a": ({"A": "127.0.0.9"},
		    "the A record 127.0.0.9, which is not this box"),
	"dead-aaaa": ({"A": "127.0.0.1", "AAAA": "2001:db8::1"},
		      "the AAAA record 2001:db8::1, which is not this box"),
}


@pytest.mark.quick
@pytest.mark.fault(25, "a new name's DNS is wrong",
		   "0 orders; the reason in words; issued once it is right")
@pytest.mark.parametrize("case", ASTRAY)
def test_astray(rig, daemon, name, saw, case):
	records, words = ASTRAY[case]
	for kind, address in records.items():
		rig.dns.set(f"mta-sts.{name}", kind, address)
	orders = rig.pebble.orders()
	daemon.add(name, wait=False)
	wait_for("the reason", lambda: words in problem_of(daemon, name))
	problem = problem_of(daemon, name)
	assert rig.pebble.orders() == orders

	rig.dns.set(f"mta-sts.{name}", "AAAA")
	rig.dns.point(name)
	daemon.wait_state("live", name)

	assert rig.pebble.orders() == orders + 1
	saw(f"\"{problem}\"; then live, by 1 order")


@pytest.mark.quick
@pytest.mark.fault(25, "SERVFAIL to each query of the only resolver",
		   "0 orders; the resolver is named; issued once it answers")
def test_servfail(rig, name, saw, closing):
	flaky = closing(FlakyDns(rig.dns, 1))
	daemon = rig.daemon(resolvers=[flaky.address]).start()
	rig.dns.point(name)
	orders = rig.pebble.orders()
	daemon.add(name, wait=False)
	wait_for("the reason", lambda: "did not answer" in
		 problem_of(daemon, name))
	problem = problem_of(daemon, name)
	assert str(flaky.port) in problem
	assert rig.pebble.orders() == orders

	flaky.share = 0
	daemon.wait_state("live", name)
	saw(f"\"{problem}\"; then live")


@pytest.mark.quick
@pytest.mark.fault(25, "a second address, an AAAA of this box, at which "
		   "another server answers 404",
		   "the look before the order names it; issued once it is gone")
def test_aaaa_to_another_server(rig, name, saw, closing):
	closing(Stubborn("404", rig.http_port, "::1"))
	daemon = rig.daemon(public_addresses=["127.0.0.1", "::1"]).start()
	rig.dns.point(name)
	rig.dns.set(f"mta-sts.{name}", "AAAA", "::1")
	orders = rig.pebble.orders()
	daemon.add(name, wait=False)
	wait_for("the reason", lambda: "another" in problem_of(daemon, name))
	problem = problem_of(daemon, name)
	assert "::1" in problem
	assert rig.pebble.orders() == orders

	rig.dns.set(f"mta-sts.{name}", "AAAA")
	daemon.ok("cert", "renew", name, "--wait")
	saw(f"\"{problem}\"; then live, by {rig.pebble.orders() - orders} order")


@pytest.mark.fault(25, "every second query fails for 4 min, ours and the "
		   "CA's, time at x 60", "issued after the flap; few failures")
def test_flap(make_rig, saw, closing):
	tls_port = free_port()
	rig = make_rig(tls_port=tls_port)
	flaky = closing(FlakyDns(rig.dns, 0.5))
	rig.pebble.dns_port = flaky.port
	rig.pebble.restart()
	rush = Rush(60)
	daemon = rig.daemon(https_port=tls_port, resolvers=[flaky.address])
	daemon.start(env=rush.env())
	names = [f"flap{i}.test" for i in range(8)]
	rig.dns.point(*names)
	daemon.add(*names, wait=False)
	rush.sleep(240)
	failures = [n for n, in daemon.rows("SELECT failures FROM domain")]
	live = daemon.rows("SELECT count(*) FROM domain WHERE cert_id > 0")

	assert max(failures) <= 3
	flaky.share = 0
	daemon.wait_state("live", *names, seconds=120)
	assert rig.pebble.issued() == len(names)
	saw(f"{flaky.failed} of {flaky.asked} queries failed; at most "
	    f"{max(failures)} failures of a name; {live[0][0]} of {len(names)} "
	    "live within the flap, all after it")


# 26. What the CA finds at the name's port 80.

PORTS = {
	"blocked": "",
	"404": "404",
	"redirect-loop": "loop",
	"never-done": "slow",
}


def lead_astray(box, name, stubborn, tls_port=None):
	"""The CA is led to another server; we think that all is well."""
	port = stubborn.port if stubborn else free_port()
	box.ca.set(hosts={f"mta-sts.{name}": [
		"127.0.0.1", port, tls_port or free_port()]}, fetch_timeout=1)


@pytest.mark.quick
@pytest.mark.fault(26, "the CA finds port 80 closed, or another server there",
		   "that name pauses, for the reason told; others do not wait")
@pytest.mark.parametrize("case", PORTS)
def test_port_80(box, name, saw, closing, case):
	lead_astray(box, name, PORTS[case] and
		    closing(Stubborn(PORTS[case])))
	others = [f"other{i}.test" for i in range(3)]
	box.dns.point(name, *others)
	box.add(name, *others)
	box.daemon.wait_state("live", *others)
	wait_for("the failure", lambda: box.failures(name))

	pause = box.daemon.rows("SELECT due_at FROM domain WHERE name = ?",
				name)[0][0] - box.now()
	assert 40 < pause < 75
	assert box.ca_view()["down_since"] is None
	assert [box.failures(n) for n in others] == [0] * 3
	saw(f"3 others live; \"{box.problem(name)}\", next in {pause:.0f} s")


@pytest.mark.quick
@pytest.mark.fault(26, "port 80 is closed, 443 is not (time at x 20)",
		   "the second try is by tls-alpn-01")
def test_port_80_closed_and_443_open(make_box, name, saw):
	box = make_box(Rush(20)).start()
	lead_astray(box, name, None, box.ca.tls_port)
	box.ca.set(fetch_timeout=100)		# of its hurried seconds
	box.dns.point(name)
	box.add(name)
	box.daemon.wait_state("live", name)

	assert box.new_orders(name) == [201, 201]
	saw("live by the second order")


@pytest.mark.fault(26, "the CA gets 404 for 6 h", "at most 5 failures in any "
		   "hour (the CA's limit), ever fewer")
def test_404_for_hours(make_box, name, saw, closing, tmp_path):
	clock = Leaps(tmp_path)
	box = make_box(clock).start()
	lead_astray(box, name, closing(Stubborn("404")))
	box.dns.point(name)
	box.add(name)
	wait_for("the failure", lambda: box.failures(name))
	began = clock.now()
	while clock.now() < began + 6 * HOUR:
		box.wait_idle()
		clock.step(box.daemon.rows(
			"SELECT due_at FROM domain")[0][0] - clock.now() + 1)
		box.daemon.reload()
	box.wait_idle()

	times = [r["at"] for r in box.ca.seen(f"mta-sts.{name}")
		 if r["endpoint"] == "challenge" and r["status"] == 200]
	worst = max(sum(t <= u < t + HOUR for u in times) for t in times)
	assert 3 <= len(times) and worst <= 5
	assert box.ca.counts()["breaches"] == {}
	saw(f"{len(times)} validations, at most {worst} in an hour; 0 limits "
	    "touched")


@pytest.mark.quick
@pytest.mark.fault(26, "600 clients from two addresses never finish their "
		   "requests to our port 80", "names are validated all the "
		   "while; the slow are cut off")
def test_slow_clients(make_box, name, saw, closing):
	box = make_box(connection_deadline="3s").start()
	loris = [closing(Loris(box.daemon.http_port, 300, f"127.0.0.{i}"))
		 for i in (66, 67)]
	wait_for("the bound of an address", lambda: max(one.open() for one in
							loris) <= 256, 2.5)
	opened = [one.open() for one in loris]
	box.live(name)
	wait_for("their end", lambda: sum(one.open() for one in loris) == 0)
	saw(f"{sum(opened)} of 600 got in; live meanwhile; all ended by the "
	    "deadline")


# 27. The look from here fails always: a router that leads nobody back.

LIFE = 1800


@pytest.mark.fault(27, "our own address cannot be reached from here, the CA "
		   "reaches it; certificates of 30 min, time at x 60",
		   "issues and renews all the same")
def test_hairpin(make_box, name, saw):
	rush = Rush(60)
	box = make_box(rush, ca={"lifetime": LIFE},
		       public_addresses=["127.0.0.53"]).start()
	box.dns.point(name, address="127.0.0.53")
	box.add(name)
	began = rush.now()
	problem = wait_for("a reason", lambda: box.problem(name))
	assert "127.0.0.53" in problem
	box.daemon.wait_state("live", name, seconds=60)
	waited = rush.now() - began

	with box.fetcher(name) as fetcher:
		wait_for("a renewal", lambda: len(box.certs(name)) > 1, 60)
	first, second = box.certs(name)[:2]
	left = (first["not_after"] - second["created_at"]) / LIFE
	assert left > 0.125			# planned: a quarter
	assert fetcher.failures == []
	assert box.failures(name) == 0
	saw(f"\"{problem}\"; issued after {waited / 60:.0f} min; renewed with "
	    f"{left:.0%} of life left")
