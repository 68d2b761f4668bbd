"""CAs that are down or busy, and what that does to what is served."""

import time

import pytest

from harness.invariants import check_all, check_box
from harness.process import wait_for
from harness.clock import Rush
from harness.stage import make_stage  # noqa: F401

LIFE = 60
NAMES = [f"o{i}.test" for i in range(12)]


# 9. Ten times as fast: certificates of ten minutes, two minutes without a CA,
# and all of our timeouts are what they are.

@pytest.mark.fault(9, "CA down for a fifth of the life of all "
		   "certificates (600 s), when they are due",
		   "breaker; domains are not charged; slow start; no gap")
@pytest.mark.parametrize("net", ["refused", "reset", "blackhole"])
def test_down_when_all_is_due(make_stage, saw, net):
	life = 600
	stage = make_stage({"lifetime": life}, rush=Rush(10)).start()
	stage.live(*NAMES)
	first = {n: stage.daemon.serial(n) for n in NAMES}
	due, = stage.daemon.rows("SELECT min(due_at) FROM domain"
				 " WHERE due_at > 0")[0]
	with stage.fetcher(*NAMES, pause=0.2) as fetcher:
		stage.rush.sleep(max(0, due - stage.now() - 5))
		stage.ca.set(net=net)
		stage.rush.sleep(life / 5)
		failures, _ = stage.breaker()
		blamed = stage.blamed()
		stage.ca.set(net="up", latency=0.1)
		began = stage.now()
		for name in NAMES:
			stage.wait_renewed(name, first[name], 25)
		took = stage.now() - began

	assert fetcher.failures == []
	assert blamed == stage.blamed() == []
	assert failures >= 3
	assert stage.told("order.failed") == []
	assert len(stage.told("ca.trouble")) == len(stage.told("ca.well")) == 1
	seen = [r["at"] for r in stage.seen()
		if r["at"] > began and r["endpoint"] != "renewal-info"]
	in_first = sum(at < seen[0] + 1 for at in seen)
	assert in_first <= 14	# one in flight, each takes a tenth of a second
	check_all(stage)
	saw(f"{failures} tries while it was down; {in_first} requests in the "
	    f"first second after; {len(NAMES)} renewed within {took:.0f} s; "
	    f"{fetcher.ok} fetches, 0 failed")


@pytest.mark.quick
@pytest.mark.fault(9, "CA down for some seconds, with a new name waiting",
		   "breaker; the domain is not charged")
def test_down_for_some_seconds(make_stage, name, saw):
	stage = make_stage().start()
	stage.live("first.test")
	stage.ca.set(net="refused")
	stage.add(name)
	wait_for("three tries", lambda: stage.breaker()[0] >= 3)
	assert stage.blamed() == []
	assert stage.served("first.test")
	stage.ca.set(net="up")
	stage.wait_live(name, seconds=15)
	assert len(stage.told("ca.trouble")) == len(stage.told("ca.well")) == 1
	check_all(stage)
	saw("tried after 1 and 2 s; told once, and once that it was over")


# 10.

@pytest.mark.fault(10, "CA A down for longer than the margin of renewal",
		   "B takes over before 1/6 of the life is left; alerts; "
		   "later A again")
def test_failover_in_time_and_return(make_stage, saw):
	stage = make_stage({"lifetime": LIFE})
	second = make_stage.fakeca({"lifetime": LIFE},
				   http_port=stage.ca.http_port,
				   tls_port=stage.ca.tls_port)
	stage.more_cas.append(second)
	stage.daemon.more_cas["second"] = {"directory": second.directory,
					   "trust": second.trust}
	stage.start()
	names = NAMES[:6]
	stage.live(*names)
	wait_for("the canary", lambda: second.issued() >= 1, 20)

	with stage.fetcher(*names, pause=0.2) as fetcher:
		stage.ca.set(net="refused")
		left = {}
		wait_for("B for all", lambda: note_moved(stage, left, names), 60)
		stage.ca.set(net="up")
		wait_for("A for all", lambda: issuers(stage, names) ==
			 {"pebble"}, 75, 0.2)

	assert fetcher.failures == []
	assert min(left.values()) > LIFE / 6
	assert stage.blamed() == []
	assert len(stage.told("ca.well")) >= 1
	assert stage.told("ca.trouble")[0].startswith("CA pebble: ")
	check_all(stage, breaches=["duplicates"])
	saw(f"moved with {min(left.values()):.0f} to {max(left.values()):.0f} "
	    f"s of {LIFE} left, back with the next renewal; {fetcher.ok} "
	    "fetches, 0 failed")


CERTS = ("SELECT d.name, ca.name, c.created_at, old.not_after FROM domain d"
	 " JOIN cert c ON c.id = d.cert_id JOIN ca ON ca.id = c.ca_id"
	 " LEFT JOIN cert old ON old.id = (SELECT max(id) FROM cert"
	 "  WHERE domain_id = d.id AND id < c.id AND state = 1)")


def issuers(stage, names):
	return {ca for name, ca, *_ in stage.daemon.rows(CERTS)
		if name in names}


def note_moved(stage, left, names):
	"""Of each that is B's: what was left of the one before."""
	for name, ca, at, until in stage.daemon.rows(CERTS):
		if ca == "second" and until and name not in left:
			left[name] = until - at
	return len(left) == len(names)


# 11.

BUSY = ("503 rateLimited, Retry-After {}", "the CA pauses, no domain is charged")


def assert_calm(stage):
	assert stage.blamed() == []
	assert stage.told("order.failed") == []


@pytest.mark.fault(11, BUSY[0].format("30, once"), BUSY[1])
def test_busy_once(make_stage, saw):
	stage = make_stage().start()
	stage.live("first.test")
	busy = stage.ca.rule({"busy": 30}, times=1, endpoint="new-order")
	stage.add(*NAMES[:4])
	wait_for("the refusal", lambda: stage.ca.hits(busy))
	at = time.time()
	stage.wait_live(*NAMES[:4], seconds=60)

	pause = [r["at"] for r in stage.seen() if r["at"] > at + 1 and
		 r["endpoint"] != "renewal-info"][0] - at
	assert 29 <= pause <= 36
	assert_calm(stage)
	check_all(stage)
	saw(f"no request for {pause:.0f} s, then all live")


@pytest.mark.fault(11, BUSY[0].format("1, to 30 % of all"), BUSY[1])
def test_busy_at_random(make_stage, saw):
	stage = make_stage().start()
	names = NAMES[:5]
	busy = stage.ca.rule({"busy": 1}, share=0.3,
			     endpoint=["new-*", "authz", "challenge", "order",
				       "finalize", "cert", "directory"])
	stage.add(*names)
	stage.wait_live(*names, seconds=120)
	assert_calm(stage)
	check_all(stage)
	saw(f"{stage.ca.hits(busy)} times busy; {stage.orders_made()} orders, "
	    f"{stage.issued()} certificates")


@pytest.mark.quick
@pytest.mark.fault(11, BUSY[0].format("2, once"), BUSY[1])
def test_busy_for_a_moment(make_stage, name, saw):
	stage = make_stage().start()
	stage.live("first.test")
	busy = stage.ca.rule({"busy": 2}, times=1, endpoint="new-order")
	stage.add(name)
	wait_for("the refusal", lambda: stage.ca.hits(busy))
	at = time.time()
	stage.wait_live(name)
	assert time.time() - at >= 1.5
	assert_calm(stage)
	check_all(stage)
	saw(f"live {time.time() - at:.1f} s later")


# 54. A rule of the CA's for one name, or a row that it cannot read.

ONE_NAME = ("{} to {} of one name, with Retry-After {}, at the only CA",
	    "others get theirs, nobody is charged")


def error(status, wait):
	kind = "rateLimited" if status == 503 else "serverInternal"
	return {"problem": kind, "status": status, "retry_after": wait}


def cases_of_one():
	for endpoint in "newOrder", "authz", "finalize":
		quick = [pytest.mark.quick] if endpoint == "newOrder" else []
		yield pytest.param(
			{"newOrder": "new-order"}.get(endpoint, endpoint),
			marks=[*quick, pytest.mark.fault(
				54, ONE_NAME[0].format(500, endpoint, 3600),
				ONE_NAME[1])])


@pytest.mark.parametrize("endpoint", cases_of_one())
def test_error_to_one_name(make_stage, saw, endpoint):
	stage = make_stage().start()
	bad = stage.ca.rule(error(500, 3600), endpoint=endpoint,
			    name="mta-sts.bad.test")
	stage.add("bad.test")
	wait_for("the error", lambda: stage.ca.hits(bad))
	began = time.time()
	stage.live(*NAMES[:4])
	took = time.time() - began

	assert stage.ca.hits(bad) == 1	# it alone waits as it was told
	assert stage.breaker()[0] == 0
	assert_calm(stage)
	check_box(stage)	# that order is still under way
	saw(f"four others live {took:.0f} s later; asked once for that name")


@pytest.mark.fault(54, ONE_NAME[0].format(503, "newOrder", 20), ONE_NAME[1])
def test_busy_for_one_name(make_stage, saw):
	"""Slow DNS: the others are not ready when that pause is over."""
	stage = make_stage().start()
	bad = stage.ca.rule(error(503, 20), endpoint="new-order",
			    name="mta-sts.bad.test")
	stage.add("bad.test")
	wait_for("the error", lambda: stage.ca.hits(bad))
	began = time.time()
	stage.live(*NAMES[:4])
	took = time.time() - began
	wait_for("it to be asked for again", lambda: stage.ca.hits(bad) == 2,
		 60)
	asked = time.time()
	stage.live(*NAMES[4:8])
	again = time.time() - asked

	assert took < 30 and again < 10	# one pause for all, and no other
	assert_calm(stage)
	check_box(stage)
	saw(f"four others live {took:.0f} s later, four more "
	    f"{again:.0f} s after that name had failed again")


@pytest.mark.fault(54, ONE_NAME[0].format(500, "newOrder", "none, as others "
					  "come"), ONE_NAME[1])
def test_error_to_one_name_for_ever(make_stage, saw):
	stage = make_stage(rush=Rush(10)).start()
	bad = stage.ca.rule({"status": 500, "body": "{}"}, endpoint="new-order",
			    name="mta-sts.bad.test")
	stage.add("bad.test")
	for i in range(40):
		stage.live(f"w{i}.test")
		time.sleep(0.5)

	assert_calm(stage)
	assert 4 <= stage.ca.hits(bad) <= 12	# ever more rarely
	assert "it works for other names" in stage.of_domain("problem",
							     "bad.test")
	check_box(stage)
	saw(f"{stage.ca.hits(bad)} tries of that name in 400 s, while 40 "
	    "others were certified")


@pytest.mark.fault(54, "500 to newOrder of one name, with Retry-After 3600, "
		   "at the first of two CAs", "it goes to the other in two "
		   "minutes, and others do not")
def test_error_to_one_name_moves_it(make_stage, saw):
	rush = Rush(10)
	stage = make_stage(rush=rush)
	second = make_stage.fakeca({}, http_port=stage.ca.http_port,
				   tls_port=stage.ca.tls_port, env=rush.env())
	stage.more_cas.append(second)
	stage.daemon.more_cas["second"] = {"directory": second.directory,
					   "trust": second.trust}
	stage.start()
	stage.live("first.test")
	bad = stage.ca.rule(error(500, 3600), endpoint="new-order",
			    name="mta-sts.bad.test")
	stage.add("bad.test")
	wait_for("the error", lambda: stage.ca.hits(bad))
	began = stage.now()
	stage.live(*NAMES[:2])
	stage.wait_live("bad.test")
	took = stage.now() - began

	assert issuers(stage, ["bad.test"]) == {"second"}
	assert issuers(stage, NAMES[:2]) == {"pebble"}
	assert took < 180
	assert stage.blamed() == []
	assert ["its CA fails it" in text for text in
		stage.told("order.failed")] == [True]
	check_all(stage)
	saw(f"certified by the other after {took:.0f} s; others by the first")


@pytest.mark.fault(54, "500 to finalize of all names for an hour, all else "
		   "works", "nobody is charged; all are live when it is over")
def test_finalize_fails_for_all(make_stage, saw):
	stage = make_stage(rush=Rush(30)).start()
	bad = stage.ca.rule({"status": 500, "body": "{}"}, endpoint="finalize")
	stage.add(*NAMES[:4])
	wait_for("an hour", lambda: stage.ca.hits(bad) >= 20, 150)
	assert stage.blamed() == []
	stage.ca.drop_rules()
	stage.wait_live(*NAMES[:4], seconds=60)

	assert_calm(stage)
	assert stage.orders_made() == 4
	check_all(stage)
	saw("20 CSRs refused, 4 orders, then 4 certificates")
