"""Rate limits of the CA, and what it says about when to come again."""

import time

import pytest

from harness.clock import Leaps
from harness.invariants import check_all
from harness.process import wait_for
from harness.stage import make_stage  # noqa: F401

HOUR, DAY = 3600, 86400
LIVE = ["old1.test", "old2.test", "old3.test"]
NEW = [f"new{i}.test" for i in range(6)]


@pytest.mark.quick
@pytest.mark.fault(12, "429 new orders of the account, Retry-After 3 h",
		   "new domains are parked, renewals go on")
def test_no_more_new_orders(make_stage, saw):
	stage = make_stage(orders_in_flight=4).start()
	stage.live(*LIVE)
	stage.ca.set(limits={"new-orders": [1, 3 * HOUR]},
		     enforce=["new-orders"])
	stage.live("last.test")

	stage.add(*NEW)
	wait_for("a refusal", lambda: stage.ca.counts()["replies"].get(
		"new-order 429"))
	for name in LIVE:
		stage.renew(name)
	time.sleep(1)

	refused = stage.ca.counts()["replies"]["new-order 429"]
	assert refused <= 2		# of new ones: half of those in flight
	assert {stage.daemon.domain(n)["state"] for n in NEW} == {"issuing"}
	until, = stage.daemon.rows("SELECT max(due_at) FROM domain"
				   " WHERE name LIKE 'new%'")[0]
	assert abs(until - time.time() - 3 * HOUR) < HOUR / 2
	check_all(stage, breaches=["new-orders"])
	saw(f"{refused} of {len(NEW)} new orders were refused, then none was "
	    f"tried; {len(LIVE)} renewals meanwhile")


@pytest.mark.quick
@pytest.mark.fault(13, "429 for the exact set of one name",
		   "only that name waits")
def test_one_name_is_limited(make_stage, saw):
	stage = make_stage().start()
	stage.ca.rule({"limited": "duplicates"}, endpoint="new-order",
		      name="mta-sts.new0.test")
	stage.add(*NEW)
	stage.wait_live(*NEW[1:])
	wait_for("the refusal", lambda: stage.blamed() == NEW[:1])
	time.sleep(1)

	assert stage.statuses(NEW[0], "new-order") == [429]
	wait = stage.of_domain("due_at", NEW[0]) - time.time()
	assert abs(wait - HOUR) < 60
	assert stage.breaker()[0] == 0
	assert "rate limit" in stage.daemon.ok("domain", "show", NEW[0])
	check_all(stage)
	saw(f"1 request for it, again in {wait:.0f} s; the {len(NEW) - 1} "
	    "others live at once")


WORDS = {"problem": "rateLimited", "status": 429, "retry_after": HOUR,
	 "detail": "slow down"}


def leap(box, seconds):
	box.clock.step(seconds)
	box.daemon.reload()


def charged(box, names):
	return [n for n in names if box.failures(n)]


@pytest.mark.quick
@pytest.mark.parametrize("told", [HOUR, 168 * HOUR])
@pytest.mark.fault(12, "429 for all newOrder, Retry-After 1 h or a week, in "
		   "words that nobody knows", "after the third name no other is "
		   "asked for, nor charged; each hour one tries, and they come "
		   "back one by one")
def test_a_limit_in_unknown_words(make_box, saw, tmp_path, told):
	names = [f"many{i}.test" for i in range(60)]
	box = make_box(Leaps(tmp_path)).start()
	box.live("old.test")
	rule = box.ca.rule({**WORDS, "retry_after": told},
			   endpoint="new-order")
	box.dns.point(*names)
	box.add(*names)
	wait_for("refusals", lambda: box.ca.hits(rule) >= 3)
	time.sleep(3)

	asked = box.ca.hits(rule)
	assert asked <= 16		# half of the orders in flight
	assert len(charged(box, names)) == 2
	for tries in 1, 2:
		leap(box, HOUR + 10)
		wait_for("a try", lambda n=tries: box.ca.hits(rule) >= asked + n)
		time.sleep(2)
		assert box.ca.hits(rule) == asked + tries
		assert len(charged(box, names)) == 2
	box.ca.drop_rules()
	box.renew("old.test")		# that is no new order
	leap(box, HOUR + 10)
	wait_for("the next", lambda: sum(box.ca.count(
		"certificates", f"mta-sts.{n}") for n in names) >= 1)
	time.sleep(3)
	back = sum(box.ca.count("certificates", f"mta-sts.{n}") for n in names)
	assert back <= 5
	saw(f"{asked} of 60 asked for, 2 charged, then one an hour; when it "
	    f"was over {back} in the first seconds")


@pytest.mark.quick
@pytest.mark.fault(12, "429 for all names under one domain, Retry-After a "
		   "week, in words that nobody knows", "they wait, each for "
		   "itself; no other does")
def test_one_domain_in_unknown_words(make_box, saw):
	names = [f"{c}.customer.test" for c in "abcde"]
	box = make_box().start()
	box.live("old.test")
	rules = [box.ca.rule({**WORDS, "retry_after": 168 * HOUR},
			     endpoint="new-order", name=f"mta-sts.{n}")
		 for n in names]
	box.dns.point(*names)
	box.add(*names)
	wait_for("refusals", lambda: all(map(box.ca.hits, rules)))
	box.live("new.test")
	box.renew("old.test")
	assert charged(box, names) == names
	assert box.ca_view()["down_since"] is None
	saw(f"{len(names)} names wait, others are ordered at once")


@pytest.mark.quick
@pytest.mark.fault(12, "the same for renewals", "the CA is left in peace, and "
		   "one asks then; only two names are charged")
def test_renewals_in_unknown_words(make_box, saw, tmp_path):
	names = [f"many{i}.test" for i in range(12)]
	box = make_box(Leaps(tmp_path))
	box.daemon.ca["limit_duplicates"] = "none"
	box.start().live(*names)
	rule = box.ca.rule({**WORDS, "retry_after": 60}, endpoint="new-order")
	box.daemon.ok("cert", "renew", *names)
	wait_for("refusals", lambda: box.ca.hits(rule) >= 3)
	since = wait_for("trouble", lambda: box.ca_view()["down_since"])
	time.sleep(2)
	assert box.ca.hits(rule) <= len(names)
	for tries in range(3):
		asked = box.ca.hits(rule)
		leap(box, HOUR)
		wait_for("a try", lambda n=asked: box.ca.hits(rule) > n)
		time.sleep(1)
		assert len(charged(box, names)) <= 2
		assert box.ca_view()["down_since"] == since
	box.ca.drop_rules()
	leap(box, HOUR)
	wait_for("the CA", lambda: box.ca_view()["down_since"] is None)
	leap(box, 6 * HOUR)		# who was charged has a pause of its own
	for name in names:
		box.wait_issued(name, 2, 90)
	saw(f"{len(names)} were renewed when the CA allowed it, after "
	    f"{tries + 1} rounds")


# 14.

TOLD = {		# what it says, and how many seconds that may mean
	"date": ({"date": 3}, (0, 3)),
	"past-date": ({"date": -90}, (0, 2)),
	"garbage": ("soon", (0, 2)),
	"huge": (10 ** 12, (HOUR - 10, DAY + 60)),
	"negative": (-5, (0, 2)),
	"overflow": ("9" * 40, (0, DAY + 60)),
}
QUICK = ["past-date", "huge"]
ODD = ("Retry-After: {}", "clamped: no hang, no overflow")


def told_cases():
	for case in TOLD:
		marks = pytest.mark.fault(14, ODD[0].format(case), ODD[1])
		quick = [pytest.mark.quick] if case in QUICK else []
		yield pytest.param(case, marks=[marks, *quick])


def assert_within(case, seconds):
	low, high = TOLD[case][1]
	assert low - 1 <= seconds <= high, seconds


@pytest.mark.parametrize("case", told_cases())
def test_when_to_poll_again(make_stage, name, saw, case):
	"""Of an order that is processed; others go on."""
	stage = make_stage({"retry_after": None}).start()
	stage.ca.rule({"retry_after": TOLD[case][0], "processing": 1.5},
		      name=f"mta-sts.{name}", endpoint="finalize")
	stage.add(name)
	order = wait_for("the order to be processed", lambda: [
		o for o in [stage.live_order(name)] if o and o["state"] == 6 and
		o["wake_ms"]])[0]
	wait = order["wake_ms"] / 1000 - time.time()
	stage.live("other.test")

	assert_within(case, wait)
	if TOLD[case][1][1] < 10:
		stage.wait_live(name, seconds=15)
		check_all(stage)
	else:
		assert wait <= HOUR	# polls are never further apart
	saw(f"polls again in {max(0, wait):.1f} s")


@pytest.mark.parametrize("case", told_cases())
def test_when_to_come_again(make_stage, name, saw, case):
	"""Of a CA that is busy, and of a limit of one name."""
	stage = make_stage().start()
	stage.live("first.test")
	stage.ca.rule({"problem": "rateLimited", "status": 429,
		       "retry_after": TOLD[case][0]}, endpoint="new-order",
		      name=f"mta-sts.{name}")
	stage.add(name)
	wait_for("the refusal", lambda: stage.blamed() == [name])
	limited = stage.of_domain("due_at", name) - time.time()

	busy = stage.ca.rule({"problem": "rateLimited", "status": 503,
			      "retry_after": TOLD[case][0]}, times=1)
	stage.ask_renewal("first.test")
	wait_for("the refusal", lambda: stage.ca.hits(busy))
	began = time.time()
	wait_for("the pause", lambda: stage.breaker()[0] or
		 time.time() > began + 0.5)
	paused = stage.breaker()[1]

	assert 40 <= limited <= DAY + 60	# a minute is our own pause
	assert paused <= HOUR
	assert_within(case, min(paused, DAY))
	assert stage.blamed() == [name]
	check_all(stage)
	saw(f"429: again in {limited:.0f} s, 503: again in "
	    f"{max(0, paused):.1f} s")
