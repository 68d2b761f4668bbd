"""Validators that cannot see us, or look often, late and from many places."""

import time

import pytest

from harness.daemon import ORDER_DEAD, ORDER_DONE
from harness.invariants import check_all
from harness.process import wait_for
from harness.stage import make_stage  # noqa: F401

STUCK = ("a failed challenge stays pending with its error, as Caddy's CA "
	 "leaves it (fakeca); {}", "told to look three times at most, then a "
	 "pause")


@pytest.mark.quick
@pytest.mark.fault(19, STUCK[0].format("nobody listens for two looks"),
		   STUCK[1])
def test_seen_at_the_third_look(make_stage, name, saw):
	stage = make_stage({"failed_challenge": "pending", "fetches": 1},
			   front=True).start()
	stage.front.is_deaf = True
	stage.add(name)
	wait_for("two looks", lambda: stage.ca.count("failed_validations") == 2)
	stage.front.is_deaf = False
	stage.wait_live(name)

	assert stage.ca.requests("challenge") == 3
	assert stage.orders_made() == 1
	assert stage.told("order.failed") == []
	check_all(stage)
	saw("the third look succeeded; 1 order")


@pytest.mark.fault(19, STUCK[0].format("nobody listens for 30 s"), STUCK[1])
def test_never_seen_for_half_a_minute(make_stage, name, saw):
	stage = make_stage({"failed_challenge": "pending", "fetches": 1},
			   front=True)
	# Three looks are what our own limit allows at once.
	stage.daemon.ca["limit_failed_validations"] = "9/1h"
	stage.start()
	stage.live("first.test")
	stage.front.is_deaf = True
	told = stage.ca.requests("challenge")
	stage.add(name)
	wait_for("the end of it", lambda: stage.blamed() == [name], 30)
	wait = stage.of_domain("due_at", name) - time.time()
	time.sleep(15)
	looks = stage.ca.requests("challenge") - told
	stage.front.is_deaf = False

	assert looks == 3
	assert 40 <= wait <= 75
	assert [s for _, s in stage.daemon.orders(name)] == [ORDER_DEAD]
	stage.wait_live(name, seconds=90)
	assert [s for _, s in stage.daemon.orders(name)] == \
		[ORDER_DEAD, ORDER_DONE]
	check_all(stage)
	saw(f"{looks} looks, then a pause of {wait:.0f} s; live with the next "
	    "order")


LOOKS = ("the validator looks 10 times from 10 addresses, {}",
	 "the token is served until the order has its end")


@pytest.mark.fault(20, LOOKS[0].format("apart, late, and when it has seen "
				       "enough"), LOOKS[1])
@pytest.mark.parametrize("gap", [
	pytest.param(0, id="at-once", marks=pytest.mark.quick),
	pytest.param(0.3, id="one-by-one")])
def test_many_looks(make_stage, name, saw, gap):
	late = 5
	stage = make_stage({"fetches": 10, "fetch_gap": gap, "fetch_delay": 0.5,
			    "late_fetches": late, "processing": 3}).start()
	stage.add(name)
	wait_for("late looks", lambda: stage.ca.count("late_fetches") +
		 stage.ca.count("late_fetches_missed") == late, 30)
	assert stage.live_order(name)		# it is not over yet
	stage.wait_live(name)

	assert stage.ca.count("late_fetches_missed") == 0
	assert stage.ca.count("failed_validations") == 0
	assert stage.ca.count("fetches") == 10 + late
	check_all(stage)
	saw(f"{10 + late} looks, {late} of them after the verdict: all saw it")


@pytest.mark.quick
@pytest.mark.fault(20, LOOKS[0].format("while the daemon is killed and "
				       "started"), LOOKS[1])
def test_looks_around_a_crash(make_stage, name, saw):
	stage = make_stage({"fetches": 10, "fetch_gap": 0.2}, front=True).start()
	stage.add(name)
	wait_for("some looks", lambda: stage.ca.count("fetches") >= 3)
	stage.kill()
	stage.start()
	stage.wait_live(name)

	assert stage.ca.count("fetches") == 10
	assert stage.orders_made() == 1
	check_all(stage)
	saw("10 looks, some before and some after a kill -9: all saw it")
