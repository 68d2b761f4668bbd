"""Account and key safety: freezing, revoking, importing, rolling keys over."""

import pytest

from harness.process import wait_for

WARNINGS, REFUSED = 1, 3
HINT = "mtastsctl thaw"


@pytest.fixture
def live(rig, daemon, name):
	rig.dns.point(name)
	daemon.add(name)
	return daemon


def kinds(daemon, *name):
	return [e["kind"] for e in
		daemon.json("log", *name, "--limit", "1000")["events"]]


# A box that is frozen serves, and begins nothing.

def test_frozen_over_a_restart(rig, live, name):
	assert "begins no order" in live.ok("freeze", "--reason", "moving")
	assert "already" in live.ok("freeze")
	live.stop()
	live.start()

	status = live.ctl("status")
	assert status.status == WARNINGS
	assert "box.frozen" in str(live.json("status")["findings"])
	assert "moving" in status.out and HINT in status.out
	refused = live.ctl("cert", "renew", name)
	assert refused.status == REFUSED and HINT in refused.err

	reply = rig.client(live).fetch(f"mta-sts.{name}")
	assert reply.status == 200
	orders = rig.pebble.orders()
	rig.dns.point("later.test")
	live.add("later.test", wait=False)
	live.wait_state("issuing", "later.test")
	assert rig.pebble.orders() == orders

	assert "again" in live.ok("thaw")
	live.wait_state("live", "later.test")
	assert "not frozen" in live.ok("thaw")
	assert [k for k in kinds(live) if k.startswith("box.")] == [
		"box.frozen", "box.thawed"]


def test_a_dry_run_freezes_nothing(daemon):
	assert "none" in daemon.ok("freeze", "--dry-run")
	assert daemon.json("status")["findings"] == []
