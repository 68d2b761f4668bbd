"""A CA that forgets us."""

import time

import pytest

from harness.daemon import ORDER_DEAD
from harness.invariants import check_all
from harness.process import wait_for
from harness.stage import make_stage  # noqa: F401

OLD = [f"old{i}.test" for i in range(6)]
NEW = [f"new{i}.test" for i in range(4)]
WIPED = ("the CA forgets all, with orders under way",
	 "registered once more, with the same key; those orders are dead and "
	 "others made; what is served stays")


def account(stage):
	"""(key, URL) of each account that we have."""
	return stage.daemon.rows("SELECT hex(point), url FROM account"
				 " ORDER BY id")


def orders_stuck(stage):
	"""Orders are made for NEW, and the CA is about to look."""
	stage.front.is_deaf = True
	stage.ca.set(failed_challenge="pending")
	stage.add(*NEW)
	wait_for("orders under way", lambda: all(
		stage.live_order(n) and stage.live_order(n)["state"] >= 2
		for n in NEW))
	return [stage.live_order(n)["id"] for n in NEW]


def assert_all_new(stage, stuck, before):
	"""Each order that was lost is dead, and another one is done."""
	assert [key for key, _ in account(stage)] == [before[0][0]]
	assert len(stage.told("account.lost")) == 1
	dead = [row[0] for row in stage.daemon.rows(
		"SELECT id FROM ord WHERE state = ? ORDER BY id", ORDER_DEAD)]
	assert sorted(dead) == sorted(stuck)
	assert stage.blamed() == []


@pytest.mark.quick
@pytest.mark.fault(21, *WIPED)
def test_fakeca_is_wiped(make_stage, saw):
	stage = make_stage(front=True).start()
	stage.live(*OLD[:2])
	serials = [stage.served(n) for n in OLD[:2]]
	before, stuck = account(stage), orders_stuck(stage)

	stage.ca.forget("everything")
	stage.front.is_deaf = False
	stage.wait_live(*NEW)

	assert_all_new(stage, stuck, before)
	assert stage.ca.count("accounts") == 2
	assert [stage.served(n) for n in OLD[:2]] == serials
	check_all(stage)
	saw(f"fakeca: 2 accounts, 1 key; {len(stuck)} orders dead, "
	    f"{len(NEW)} made anew; served certificates stayed")


@pytest.mark.fault(21, *WIPED)
def test_pebble_is_restarted(make_rig, make_stage, saw):
	rig = make_rig(nonce_reject=0)
	stage = make_stage(rig.pebble, rig=rig).start()
	stage.live(*OLD)
	client, before = stage.client(), account(stage)
	serials = [client.fetch(f"mta-sts.{n}").serial for n in OLD]

	stage.add(*NEW)
	wait_for("orders under way", lambda: any(map(stage.live_order, NEW)))
	rig.pebble.process.kill()
	rig.pebble.start()
	stage.wait_live(*NEW, seconds=90)
	for name in OLD:
		assert client.fetch(f"mta-sts.{name}").serial in serials
	stage.renew(OLD[0])

	assert [key for key, _ in account(stage)] == [before[0][0]]
	assert len(stage.told("account.lost")) == 1
	assert stage.blamed() == []
	stage.client = lambda: more_trusting(client, rig.pebble)
	check_all(stage)
	dead = stage.daemon.rows("SELECT count(*) FROM ord WHERE state = ?",
				 ORDER_DEAD)[0][0]
	saw(f"pebble: registered again with the same key, {dead} orders dead, "
	    f"{len(NEW)} new names live, {len(OLD)} served all the time")


def more_trusting(client, pebble):
	"""It makes another root each time it starts."""
	client.context.load_verify_locations(cafile=pebble.root())
	return client


@pytest.mark.fault(22, "the CA knows our account no more, and says 500 {} "
		   "(fakeca, in the words of Caddy's)",
		   "doubt, registered again: no endless retry")
def test_unknown_account_in_vague_words(make_stage, name, saw):
	stage = make_stage({"unknown_account": "vague"}).start()
	stage.live("old.test")
	before = account(stage)
	stage.ca.forget("accounts")

	began = time.monotonic()
	stage.add(name)
	stage.wait_live(name, seconds=90)
	took = time.monotonic() - began

	replies = stage.ca.counts()["replies"]
	errors = sum(n for what, n in replies.items() if what.endswith(" 500"))
	assert errors <= 6
	assert replies["new-account 201"] == 2
	assert [key for key, _ in account(stage)] == [before[0][0]]
	assert stage.told("order.failed") == [] and stage.blamed() == []
	check_all(stage)
	saw(f"{errors} times 500, then registered with the same key; live "
	    f"after {took:.0f} s")
