"""Clocks that jump, are wrong at boot, drift, or stand still for a while."""

import signal
import sqlite3
import time

import pytest

from harness.clock import Rush, Steps
from harness.process import wait_for

HOUR, DAY, YEAR = 3600, 86400, 365 * 86400
NAMES = [f"clock{i}.test" for i in range(6)]


def poke(box):
	"""A step wakes nobody by itself; the daemon looks once a minute."""
	box.daemon.reload()


def clock_words(box):
	return box.told("clock.wrong")


def alerts_open(box):
	"""Two turns of its watch later: all of them have looked."""
	time.sleep(3)
	return {a["kind"] for a in box.daemon.api("GET", "/v1/alerts")[1]["alerts"]}


# While a CA's Date is not to be had, a step is not followed.

STEPS = {"+90d": 90 * DAY, "-1y": -YEAR, "+2h": 2 * HOUR}


@pytest.mark.quick
@pytest.mark.fault(41, "the wall clock jumps while no CA can be asked",
		   "not followed: no mass renewal, all is served, no alert of "
		   "an expiry; told; right again once it is back")
@pytest.mark.parametrize("step", STEPS)
def test_step(make_box, saw, tmp_path, step):
	clock = Steps(tmp_path)
	box = make_box(clock).start()
	box.live(*NAMES)
	box.wait_idle()
	box.ca.stop()
	due = box.daemon.rows("SELECT name, due_at FROM domain ORDER BY name")

	clock.step(STEPS[step])
	poke(box)
	said = wait_for("words about the clock", lambda: clock_words(box))
	poke(box)

	assert box.daemon.rows("SELECT name, due_at FROM domain"
			       " ORDER BY name") == due
	assert box.daemon.rows("SELECT count(*) FROM ord") == [(len(NAMES),)]
	for name in NAMES:
		assert box.served(name).status == 200
	assert "cert.expiring" not in alerts_open(box)
	clock.set(0)
	poke(box)
	wait_for("the end of it", lambda: box.told("clock.right"))
	saw(f"{len(NAMES)} served, 0 orders; \"{said[0]}\"")


@pytest.mark.quick
@pytest.mark.fault(41, "the wall clock jumps by 90 d, and the CA's Date does "
		   "not", "the CA's time counts: no renewal; told")
def test_step_that_a_ca_denies(make_box, saw, tmp_path):
	clock = Steps(tmp_path)
	box = make_box()
	box.daemon.start(env=clock.env())
	box.live(*NAMES)
	box.wait_idle()

	clock.step(90 * DAY)
	poke(box)
	said = wait_for("words about the clock", lambda: clock_words(box))
	box.renew(NAMES[0])

	assert box.ca.issued() == len(NAMES) + 1
	newest = box.certs(NAMES[0])[-1]
	assert abs(newest["created_at"] - box.now()) < HOUR
	saw(f"0 orders but the one asked for, dated by the CA; \"{said[-1]}\"")


@pytest.mark.fault(41, "the machine boots in 1970", "our time begins where it "
		   "ended: all is served, nothing is ordered, told")
def test_boot_in_1970(make_box, saw, tmp_path):
	clock = Steps(tmp_path)
	box = make_box(clock).start()
	box.live(*NAMES)
	box.wait_idle()
	box.daemon.stop()
	box.ca.stop()

	clock.set(-round(clock.now()) + 1000)
	box.start()
	said = wait_for("words about the clock", lambda: clock_words(box))

	for name in NAMES:
		assert box.served(name).status == 200
	assert box.daemon.rows("SELECT count(*) FROM ord") == [(len(NAMES),)]
	saw(f"{len(NAMES)} served, 0 orders; \"{said[0]}\"")


@pytest.mark.fault(41, "the machine boots four months ahead, and no CA is "
		   "there; then it is", "nothing is ordered; alerts of an expiry "
		   "are over; renewal information is asked for as before")
def test_boot_ahead(make_box, saw, tmp_path):
	clock = Steps(tmp_path)
	box = make_box()
	box.daemon.start(env=clock.env())
	box.live(*NAMES)
	box.wait_idle()
	box.daemon.stop()
	box.ca.stop()
	clock.set(120 * DAY)
	box.daemon.start(env=clock.env())
	wait_for("an alert", lambda: "cert.expiring" in alerts_open(box))

	box.ca.start()
	said = wait_for("words about the clock", lambda: clock_words(box), 120)
	wait_for("its end", lambda: "cert.expiring" not in alerts_open(box))

	assert box.daemon.rows("SELECT count(*) FROM ord") == [(len(NAMES),)]
	for name in NAMES:
		assert box.served(name).status == 200
		polled = box.certs(name)[-1]["ari_poll_at"]
		assert 0 < polled < time.time() + 2 * DAY
	saw(f"0 orders, all asked for again within a day; \"{said[-1]}\"")


# Just started, the machine's clock is right, and the only CA's is not.

LIES = {"1970": lambda now: -round(now), "+400d": lambda now: 400 * DAY,
	"-30d": lambda now: -30 * DAY}


@pytest.mark.quick
@pytest.mark.fault(41, "after a restart the Date of the only CA is wrong by "
		   "far", "not followed: renewed in time, all is served; told, "
		   "and its end")
@pytest.mark.parametrize("lie", LIES)
def test_date_that_is_wrong(make_box, saw, lie):
	life = 60
	names = NAMES[:2]
	box = make_box(ca={"lifetime": life, "ari": False}).start()
	box.live(*names)
	box.daemon.stop()
	box.ca.set(clock=LIES[lie](time.time()))

	box.start()
	with box.fetcher(*names) as fetcher:
		for name in names:
			box.wait_issued(name, 3, 2 * life)
	assert fetcher.failures == []
	assert "box.clock" in alerts_open(box)
	for name in names:
		assert [c["state"] for c in box.certs(name)].count(0) == 1
		assert box.failures(name) == 0
		assert box.ca.count("certificates", f"mta-sts.{name}") <= 5
	said = clock_words(box)

	box.ca.set(clock=0)
	wait_for("the end of it", lambda: "box.clock" not in alerts_open(box),
		 100)
	saw(f"each renewed twice, {fetcher.ok} fetches, 0 failed; "
	    f"\"{said[-1]}\"")


# The other way round: the machine's is dead, and the CA's is right.

@pytest.mark.fault(41, "the machine was off for five days and boots a year "
		   "behind; the only CA is right", "the CA's time counts from "
		   "its first answer on; told")
def test_boot_a_year_behind(make_box, saw, tmp_path):
	clock = Steps(tmp_path)
	box = make_box()
	box.daemon.start(env=clock.env())
	box.live(*NAMES)
	box.wait_idle()
	box.daemon.stop()
	with sqlite3.connect(box.daemon.state / "state.db") as db:
		db.execute("UPDATE meta SET value = value - ?"
			   " WHERE key = 'clock'", [5 * DAY])
	clock.set(-YEAR)
	box.daemon.start(env=clock.env())
	box.renew(NAMES[0])

	assert abs(box.certs(NAMES[0])[-1]["created_at"] - time.time()) < HOUR
	assert box.ca.issued() == len(NAMES) + 1
	assert "box.clock" in alerts_open(box)
	saw(f"0 orders but the one asked for, dated by the CA; "
	    f"\"{clock_words(box)[-1]}\"")


@pytest.mark.fault(41, "the daemon is stopped (SIGSTOP) while renewals come "
		   "due, time at x 10", "after SIGCONT what is due is done within "
		   "a minute, each once")
def test_stopped(make_box, saw):
	rush = Rush(10)
	box = make_box(rush, ca={"lifetime": 600}).start()
	box.live(*NAMES)
	box.wait_idle()
	process = box.daemon.process.process
	process.send_signal(signal.SIGSTOP)
	try:
		rush.sleep(340)
	finally:
		process.send_signal(signal.SIGCONT)
	went_on = rush.now()
	for name in NAMES:
		box.wait_issued(name, 2, 12)
	took = rush.now() - went_on

	assert box.ca.issued() == 2 * len(NAMES)
	assert took < 60 + 30			# we look twice a second
	saw(f"{len(NAMES)} renewed {took:.0f} s after SIGCONT, each once")
