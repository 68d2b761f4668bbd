"""Nonces that are refused, missing or stale."""

import time

import pytest

from harness.clock import Leaps
from harness.invariants import check_all
from harness.stage import make_stage  # noqa: F401

REJECTED = ("nine of ten nonces are refused",
	    "all issue; no domain is charged")
NAMES = ["n0.test"]


def assert_all_issued(stage, saw, names):
	assert stage.told("order.failed") == []
	assert stage.blamed() == []
	assert stage.issued() == stage.orders_made() == len(names)
	check_all(stage)
	saw(f"{len(names)} certificates by {len(names)} orders, 0 failures")


@pytest.mark.fault(7, *REJECTED)
def test_pebble_rejects_nonces(make_rig, make_stage, saw):
	rig = make_rig(nonce_reject=90)
	stage = make_stage(rig.pebble, rig=rig).start()
	stage.live(*NAMES, seconds=180)
	assert_all_issued(stage, saw, NAMES)


@pytest.mark.fault(7, *REJECTED)
def test_fakeca_rejects_nonces(make_stage, saw):
	stage = make_stage({"bad_nonce_share": 0.9}).start()
	stage.live(*NAMES, seconds=180)
	refused = stage.ca.count("bad_nonces")
	assert refused > 20 * len(NAMES)
	saw(f"{refused} times badNonce")
	assert_all_issued(stage, saw, NAMES)


@pytest.mark.quick
@pytest.mark.fault(7, *REJECTED)
def test_every_other_nonce_is_rejected(make_stage, name, saw):
	stage = make_stage({"bad_nonce_every": 2}).start()
	stage.live(name)
	assert stage.told("ca.trouble") == []
	saw(f"every other one: {stage.ca.count('bad_nonces')} times badNonce")
	assert_all_issued(stage, saw, [name])


# 8.

ODD = ("answers without a nonce; nonces that have gone stale",
       "at most one round trip more")


def posts(stage):
	counts = stage.ca.counts()["requests"]
	return sum(n for what, n in counts.items()
		   if what not in ("directory", "new-nonce", "renewal-info"))


@pytest.mark.quick
@pytest.mark.fault(8, *ODD)
def test_answers_without_a_nonce(make_stage, name, saw):
	stage = make_stage({"nonces": False}).start()
	stage.live(name)
	asked, sent = stage.ca.requests("new-nonce"), posts(stage)
	assert asked == sent
	assert stage.ca.count("bad_nonces") == 0
	check_all(stage)
	saw(f"no nonces: {sent} POSTs, {asked} HEAD newNonce")


@pytest.mark.quick
@pytest.mark.fault(8, *ODD)
def test_nonces_that_the_ca_has_forgotten(make_stage, name, saw):
	stage = make_stage().start()
	stage.live(name)
	before = posts(stage)
	stage.ca.set(nonce_life=0.3)
	time.sleep(0.5)

	stage.renew(name)

	bad, sent = stage.ca.count("bad_nonces"), posts(stage) - before
	assert stage.told("ca.trouble") == []
	assert bad <= sent / 2
	check_all(stage)
	saw(f"nonces of 0.3 s: {sent} POSTs, {bad} of them again")


@pytest.mark.quick
@pytest.mark.fault(8, *ODD)
def test_nonces_of_five_minutes_ago(make_stage, name, tmp_path, saw):
	clock = Leaps(tmp_path)
	stage = make_stage().start(clock.env())
	stage.live(name)
	asked = stage.ca.requests("new-nonce")
	old = stage.ca.rule({"nonce_life": 0.4}, times=1, endpoint="new-order")
	time.sleep(0.5)
	clock.step(300)

	stage.renew(name)

	assert stage.ca.hits(old) == 1
	assert stage.ca.count("bad_nonces") == 0
	assert stage.ca.requests("new-nonce") == asked + 1
	check_all(stage)
	saw("5 min idle: 1 HEAD newNonce, no badNonce")
