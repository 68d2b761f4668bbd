"""Names that a CA has paused, and names that go while their order is on."""

import pytest

from harness.clock import Leaps
from harness.daemon import ORDER_DEAD
from harness.process import wait_for

DAY = 86400
ORDER_CHALLENGED = 3		# enum order_state, store/order.h
PORTAL = "https://portal.test/unpause"


# 29.

@pytest.mark.quick
@pytest.mark.fault(29, "the CA has paused the name, for 5 days",
		   "asked once a day, not more; told with the URL of the "
		   "portal; goes on when it is unpaused")
def test_paused_name(make_box, name, saw, tmp_path):
	clock = Leaps(tmp_path)
	host = f"mta-sts.{name}"
	box = make_box(clock, ca={"paused": {host: "rateLimited"}}).start()
	box.dns.point(name, "free.test")
	box.add(name)
	wait_for("the refusal", lambda: box.failures(name) == 1)
	began = clock.now()
	while clock.now() < began + 5 * DAY:
		box.wait_idle()
		clock.step(until_due(box, name) + 1)
		box.daemon.reload()
	wait_for("the last one", lambda: until_due(box, name) > 0)

	times = [r["at"] for r in box.ca.seen(host)
		 if r["endpoint"] == "new-order"]
	gaps = [b - a for a, b in zip(times, times[1:])]
	assert min(gaps) >= 0.8 * DAY		# a day, spread by a fifth
	assert 5 <= len(times) <= 8
	assert PORTAL in box.problem(name)
	told = [t for t in box.told("order.failed", name=name) if PORTAL in t]
	assert len(told) == len(times)
	box.add("free.test")
	box.daemon.wait_state("live", "free.test")

	box.ca.set(paused={host: None})
	box.renew(name)
	saw(f"{len(times)} orders in 5 days, {min(gaps) / DAY:.1f} d apart or "
	    f"more; \"{told[0]}\"")


def until_due(box, name):
	[(at,)] = box.daemon.rows("SELECT due_at FROM domain WHERE name = ?",
				  name)
	return max(0, at - box.now())


# 48.

def wait_challenged(box):
	wait_for("the CA to look", lambda: (ORDER_CHALLENGED,) in
		 box.daemon.rows("SELECT state FROM ord"))


@pytest.mark.quick
@pytest.mark.fault(48, "the domain is removed while the CA looks",
		   "its order goes with it; no zombie")
def test_removed_while_challenged(make_box, name, saw):
	box = make_box(ca={"fetch_delay": 1}).start()
	box.dns.point(name)
	box.add(name)
	wait_challenged(box)

	box.daemon.ok("domain", "remove", name)
	wait_for("the CA to have looked", lambda: [
		o["status"] for o in box.ca.call("GET", "/orders")]
		== ["invalid"])

	asked = sum(box.ca.counts()["requests"].values())
	box.dns.point("b.test")
	box.add("b.test")
	box.daemon.wait_state("live", "b.test")
	assert [r for r in box.ca.seen(f"mta-sts.{name}")
		if r["endpoint"] == "finalize"] == []
	assert box.daemon.rows("SELECT count(*) FROM ord WHERE ended_at = 0"
			       " OR state = ?", ORDER_DEAD) == [(0,)]
	assert box.ca.issued() == 1 and box.ca.complaint() is None
	saw(f"0 rows of it left, nothing more asked ({asked} requests before); "
	    "another name live")


@pytest.mark.quick
@pytest.mark.fault(48, "... and is added again at once",
		   "one certificate, by a new order; no zombie. (Its key is "
		   "deleted with a domain, so there is none to be used again)")
def test_removed_and_added_again(make_box, name, saw):
	box = make_box(ca={"fetch_delay": 1}).start()
	box.dns.point(name)
	box.add(name)
	wait_challenged(box)

	box.daemon.ok("domain", "remove", name)
	box.add(name)
	box.daemon.wait_state("live", name, seconds=90)

	assert box.ca.issued() == 1
	assert int(box.served(name).serial, 16) == box.daemon.serial(name)
	assert box.daemon.rows("SELECT count(*) FROM ord WHERE ended_at = 0") \
		== [(0,)]
	assert box.ca.complaint() is None
	saw(f"{box.ca.orders()} orders at the CA, 1 certificate, served")
