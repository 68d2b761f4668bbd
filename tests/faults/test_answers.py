"""Answers of a CA that are late, odd or broken."""

import time

import pytest

from harness.daemon import ORDER_DEAD, ORDER_DONE
from harness.invariants import check_all, check_box
from harness.process import wait_for
from harness.clock import Rush
from harness.stage import make_stage  # noqa: F401

ENDPOINTS = ["directory", "new-account", "new-order", "authz", "challenge",
	     "order", "finalize", "cert"]

# 15. Each kind of answer comes once from each endpoint; times 2 for some, so
# that what comes after a failed one is broken, too.

BROKEN = {
	"html-502": {"status": 502, "body": "<html>Bad Gateway</html>"},
	"500": {"status": 500, "body": "{}", "type": "application/json"},
	"empty-body": {"body": ""},
	"cut-json": {"cut": 30},
	"truncated": {"truncate": 30},
	"10-mb": {"pad": 10 << 20},
	"gzip-bomb": {"gzip_bomb": 100},
	"html-200": {"body": "<html>Welcome</html>"},
	"lost": {"fate": "drop", "when": "after"},
	"reset": {"fate": "reset"},
}
BREAK = "bounded retry, no crash, no memory"
MOST_MEMORY = 60000	# kB that it may grow by; a sanitizer's is its own


def peak(stage):
	"""The most memory that the daemon ever had, in kB."""
	for line in open(f"/proc/{stage.daemon.process.pid}/status"):
		if line.startswith("VmHWM"):
			return int(line.split()[1])


def broken_cases():
	for case in BROKEN:
		quick = [pytest.mark.quick] if case in ("html-502", "10-mb") \
			else []
		yield pytest.param(case, marks=[*quick, pytest.mark.fault(
			15, f"answers: {case}", BREAK)])


@pytest.mark.parametrize("case", broken_cases())
def test_broken_answers(make_stage, name, saw, case):
	stage = make_stage({"processing": 0.1}).start()
	before = peak(stage)
	rules = [stage.ca.rule(BROKEN[case], times=1, endpoint=endpoint)
		 for endpoint in ENDPOINTS]

	stage.add(name)
	stage.wait_live(name, seconds=180)	# its pauses add up

	hits = sum(map(stage.ca.hits, rules))
	assert hits == len(ENDPOINTS)
	assert stage.told("order.failed") == []
	assert stage.orders_made() == stage.issued() == 1
	grew = peak(stage) - before
	assert grew < MOST_MEMORY
	requests = sum(stage.ca.counts()["requests"].values())
	assert requests < 50
	check_all(stage)
	saw(f"{hits} of {requests} requests answered so; 1 order, 1 "
	    f"certificate; {grew / 1024:.0f} MB more at most")


@pytest.mark.quick
@pytest.mark.fault(15, "a connection ends without an answer to newOrder and "
		   "finalize, at a CA that makes a new order each time",
		   "each is sent once")
def test_posts_are_sent_once(make_stage, name, saw):
	stage = make_stage({"order_reuse": False, "orders_list": True}).start()
	stage.live(name)
	lost = [stage.ca.rule(BROKEN["lost"], times=1, endpoint=endpoint)
		for endpoint in ("new-order", "finalize")]
	before = {e: stage.ca.requests(e) for e in ("new-order", "finalize")}

	stage.renew(name)

	sent = {e: stage.ca.requests(e) - n for e, n in before.items()}
	assert [stage.ca.hits(rule) for rule in lost] == [1, 1]
	assert sent == {"new-order": 1, "finalize": 1}
	assert stage.orders_made() == stage.issued() == 2
	check_all(stage)
	saw(f"{sent['new-order']} newOrder, {sent['finalize']} finalize; what "
	    "became of them was asked")


@pytest.mark.fault(15, "500 to half of all POSTs", BREAK)
def test_every_other_post_fails(make_stage, saw):
	names = [f"half{i}.test" for i in range(4)]
	stage = make_stage().start()
	stage.live(names[0])
	rule = stage.ca.rule({"status": 500, "body": "{}", "type":
			      "application/json"}, share=0.5, method="POST")
	stage.add(*names[1:])
	time.sleep(10)
	errors = stage.ca.hits(rule)
	stage.ca.drop_rules()
	stage.wait_live(*names, seconds=150)
	assert 3 <= errors <= 60
	check_all(stage)
	saw(f"{errors} times 500 in 10 s; {stage.orders_made()} orders, "
	    f"{stage.issued()} certificates")


@pytest.mark.quick
@pytest.mark.fault(15, "finalize answers 500, and the order stays ready",
		   "the CSR is sent again, ever more rarely; nobody is charged")
def test_finalize_leaves_the_order_ready(make_stage, saw):
	stage = make_stage().start()
	never = stage.ca.rule({"issue": "stay-ready"}, endpoint="finalize",
			      name="mta-sts.never.test")
	twice = stage.ca.rule({"issue": "stay-ready"}, endpoint="finalize",
			      name="mta-sts.twice.test", times=2)
	stage.live("twice.test")
	stage.add("never.test")
	wait_for("three CSRs", lambda: stage.ca.hits(never) >= 3, 60)
	time.sleep(10)

	assert stage.ca.hits(never) <= 6 and stage.ca.hits(twice) == 2
	assert stage.orders_made() == 2
	assert stage.blamed() == []
	check_box(stage)	# one is still under way
	saw(f"twice: the third one is heard; ever again: "
	    f"{stage.ca.hits(never)} CSRs, and then ever more rarely")


# 16.

SLOW = "an order is processed {}"
POLLS = "polled ever less often; others go on; {}"


@pytest.mark.fault(16, SLOW.format("for 20 min"), POLLS.format("it is done"))
def test_processed_for_twenty_minutes(make_stage, name, saw):
	stage = make_stage(rush=Rush(60)).start()
	stage.ca.rule({"processing": 1200}, endpoint="finalize",
		      name=f"mta-sts.{name}")
	began = stage.now()
	stage.add(name)
	stage.live("other.test", seconds=5)
	other = stage.now() - began
	stage.wait_live(name, seconds=40)

	polls = [r["at"] for r in stage.seen(name, "order")][1:]
	gaps = [b - a for a, b in zip(polls, polls[1:])]
	assert stage.now() - began > 1200 > other
	assert len(polls) < 80 and 25 < max(gaps) < 60
	assert gaps[-2] > 5 * gaps[0]
	assert stage.orders_made() == 2
	assert stage.told("order.failed") == []
	check_all(stage)
	saw(f"{len(polls)} polls, {gaps[0]:.1f} to {max(gaps):.0f} s apart; the "
	    f"other name was live after {other:.0f} s")


@pytest.mark.quick
@pytest.mark.fault(16, SLOW.format("for ever"), POLLS.format(
	"abandoned by rule (1/8 of the life), and made anew"))
def test_processed_for_ever(make_stage, name, saw):
	life = 800
	stage = make_stage({"lifetime": life}, rush=Rush(20)).start()
	stage.live(name, "other.test")
	stage.ca.rule({"processing": "forever"}, endpoint="finalize", times=1,
		      name=f"mta-sts.{name}")
	serial = stage.daemon.serial(name)
	stage.ask_renewal(name)
	stage.renew("other.test")
	assert stage.live_order(name)
	stage.wait_renewed(name, serial, seconds=20)

	(began, ended), = stage.daemon.rows(
		"SELECT created_at, ended_at FROM ord WHERE state = ?",
		ORDER_DEAD)
	assert life / 8 <= ended - began <= life / 8 + 60
	assert len(stage.told("order.failed")) == 1
	assert [s for _, s in stage.daemon.orders(name)] == \
		[ORDER_DONE, ORDER_DEAD, ORDER_DONE]
	polls = len(stage.seen(name, "order"))
	assert polls < 40
	check_all(stage)
	saw(f"{polls} polls, given up after {ended - began} s of a life of "
	    f"{life}, renewed by the next order")


# 17.

@pytest.mark.fault(17, "the order turns invalid after finalize",
		   "a new order after a pause; the validation is used again")
@pytest.mark.parametrize("why", [
	pytest.param("serverInternal", marks=pytest.mark.quick),
	pytest.param("caa")])
def test_invalid_after_finalize(make_stage, name, saw, why):
	stage = make_stage({"lifetime": 100}).start()
	stage.live(name)
	validations = stage.ca.count("validations")
	serial = stage.daemon.serial(name)
	bad = stage.ca.rule({"issue": "invalid", "issue_problem": why},
			    endpoint="finalize", times=2)

	began = time.time()
	stage.ask_renewal(name)
	stage.wait_renewed(name, serial, seconds=40)
	took = time.time() - began

	orders = [r["at"] for r in stage.seen(name, "new-order")][1:]
	assert len(orders) == 3 and stage.ca.hits(bad) == 2
	assert orders[2] - orders[1] > 4	# 1/20 of the life
	assert stage.ca.count("validations") == validations
	assert stage.ca.count("authzs_reused") == 3
	assert len(stage.told("order.failed")) == 2
	check_all(stage)
	saw(f"{why}: 2 orders lost, the 3rd done {took:.0f} s later; "
	    "validated once in all")


# 18.

VALID = ("the authorization is valid already, or the order is born {}",
	 "what is done is skipped")


@pytest.mark.quick
@pytest.mark.fault(18, VALID[0].format("ready"), VALID[1])
def test_born_ready_at_fakeca(make_stage, name, saw):
	stage = make_stage().start()
	stage.live(name)
	posts = stage.ca.requests("challenge")
	stage.renew(name)
	assert stage.ca.requests("challenge") == posts
	assert stage.ca.count("authzs_reused") == 1
	check_all(stage)
	saw("born ready: 2 certificates, 1 validation")


@pytest.mark.fault(18, VALID[0].format("pending with it (pebble)"), VALID[1])
def test_valid_already_at_pebble(make_rig, make_stage, name, saw):
	rig = make_rig(authz_reuse=100)
	stage = make_stage(rig.pebble, rig=rig).start()
	stage.live(name)
	looks = rig.pebble.log.read_text().count("Pulled a task")
	stage.renew(name)
	assert rig.pebble.log.read_text().count("Pulled a task") == looks > 0
	check_all(stage)
	saw(f"pebble: {stage.issued()} certificates, validated once")


@pytest.mark.quick
@pytest.mark.fault(18, VALID[0].format("valid"), VALID[1])
def test_born_valid(make_stage, name, saw):
	stage = make_stage().start()
	stage.live("first.test")
	stage.ca.rule({"merge": {"status": "valid"}}, endpoint="new-order",
		      name="mta-sts.first.test")
	stage.renew("first.test")
	check_all(stage)
	saw("said to be valid, but ready: finalized")


@pytest.mark.quick
@pytest.mark.fault(18, "newOrder is answered with an order that was finished "
		   "for another key", "its certificate is never served; "
		   "another order is made")
def test_born_valid_for_another_key(make_stage, name, saw):
	stage = make_stage({"lifetime": 100}).start()
	stage.live(name)
	serial = stage.daemon.serial(name)
	url, = stage.daemon.rows("SELECT order_url FROM ord")[0]
	old = stage.ca.rule({"merge": {"status": "valid"},
			     "headers": {"Location": url}},
			    endpoint="new-order", times=1)

	stage.ask_renewal(name)
	stage.wait_renewed(name, serial, seconds=30)

	assert stage.ca.hits(old) == 1
	states = [row[0] for row in stage.daemon.rows(
		"SELECT state FROM ord ORDER BY id")]
	assert states == [ORDER_DONE, ORDER_DEAD, ORDER_DONE]
	assert stage.served(name) == stage.daemon.serial(name) != serial
	saw("the old certificate was refused for its key; the next order's "
	    "is served")
