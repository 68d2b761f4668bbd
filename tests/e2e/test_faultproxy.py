"""The fault proxy, before fakeca and before pebble, and mtastsd behind it."""

import time

import pytest

from harness.acme import Acme
from harness.faultproxy import FaultProxy

NAME = "mta-sts.a.test"
NEW_ORDER = {"method": "POST", "path": "*new-order*"}


class World:
	def __init__(self, ca):
		self.ca = ca
		self.proxy = FaultProxy(ca)
		self.acme = Acme(self.proxy.directory, self.proxy.trust)
		self.acme.register()

	def order(self, **do):
		"""An order whose exchange is broken in this way."""
		self.rule = self.proxy.rule(do, times=1, **NEW_ORDER)
		return self.acme.order(NAME)

	def fails(self, **do):
		"""It is broken so badly that no answer comes."""
		with pytest.raises(Exception):
			self.order(**do)
		assert self.proxy.hits(self.rule) == 1


@pytest.fixture
def world(make_fakeca):
	ca = make_fakeca()
	ca.set(validation="always")
	world = World(ca)
	yield world
	world.proxy.close()


def test_without_rules_nothing_is_changed(world):
	chain = world.acme.issue(NAME)
	assert chain.count(b"BEGIN CERTIFICATE") == 2
	here = f"https://127.0.0.1:{world.proxy.port}/"
	assert all(url.startswith(here) for key, url in
		   world.acme.directory.items() if key.startswith("new"))
	assert world.ca.complaint() is None
	assert ("POST", "/acme/new-order", 201) in world.proxy.seen


@pytest.mark.parametrize("how", ["drop", "reset"])
def test_before_the_ca_has_seen_it(world, how):
	world.fails(**{how: "before"})
	assert world.ca.orders() == 0
	assert world.proxy.seen[-1][2] == f"{how} before"
	assert world.acme.order(NAME).status == 201


@pytest.mark.parametrize("how", ["drop", "reset"])
def test_after_the_ca_has_seen_it(world, how):
	world.fails(**{how: "after"})
	assert world.ca.orders() == 1
	world.acme.order(NAME)
	assert world.ca.count("orders_reused") == 1


def test_a_reset_is_one(world):
	with pytest.raises(ConnectionResetError):
		world.order(reset="before")
	with pytest.raises(Exception) as other:
		world.order(drop="before")
	assert not isinstance(other.value, ConnectionResetError) or \
		"closed" in str(other.value)


@pytest.mark.parametrize("when, orders", [("before", 0), ("after", 1)])
def test_a_black_hole(world, when, orders):
	world.acme.hang_up()
	world.acme.timeout = 1
	began = time.monotonic()
	world.fails(blackhole=when)
	assert time.monotonic() - began >= 1
	assert world.ca.orders() == orders


def test_a_body_that_breaks_off(world):
	world.fails(truncate=20)
	assert world.ca.orders() == 1


def test_other_status_body_and_headers(world):
	reply = world.order(status=502, body="<html>",
			    headers={"Retry-After": "5", "Location": None})
	assert (reply.status, reply.body) == (502, b"<html>")
	assert reply.headers["retry-after"] == "5"
	assert "location" not in reply.headers
	assert world.ca.orders() == 1


@pytest.mark.parametrize("delay, late", [("delay", 0), ("delay_after", 1)])
def test_delays(world, delay, late):
	began = time.monotonic()
	world.order(**{delay: 0.5})
	assert time.monotonic() - began >= 0.5
	at_ca = world.ca.seen(NAME)[-1]["at"]
	assert (time.time() - at_ca >= 0.4) == bool(late)


@pytest.mark.parametrize("which, status", [("first", 201), ("second", 400)])
def test_a_request_that_comes_twice(world, which, status):
	assert world.order(duplicate=which).status == status
	assert world.ca.requests("new-order") == 2
	assert "used before" in world.ca.complaint()["text"]


@pytest.mark.parametrize("net", ["refused", "reset", "blackhole"])
def test_the_network_goes_and_comes_back(world, net):
	world.proxy.set_net(net)
	world.acme.hang_up()
	world.acme.timeout = 1
	with pytest.raises(OSError):
		world.acme.get(world.proxy.directory)
	world.proxy.set_net("up")
	assert world.acme.get(world.proxy.directory).status == 200


def test_the_ca_restarts_behind_it(world):
	world.ca.restart()
	assert world.acme.order(NAME).problem == "badNonce"
	assert world.acme.order(NAME).problem == "accountDoesNotExist"


# With the real mtastsd.

def test_pebble_behind_it_with_lost_answers(make_rig, name):
	"""Each POST's first answer is lost, and nothing is done twice."""
	rig = make_rig(authz_reuse=0)
	proxy = FaultProxy(rig.pebble)
	for path in "*finalize*", "*cert*", "*order-plz*":
		proxy.rule({"drop": "after"}, times=1, method="POST", path=path)
	daemon = rig.daemon()
	daemon.ca["directory"] = proxy.directory
	daemon.start()
	rig.dns.point(name)

	daemon.add(name)

	assert [what for _, _, what in proxy.seen].count("drop after") == 3
	assert rig.pebble.issued() == 1
	assert rig.client(daemon).fetch(f"mta-sts.{name}").status == 200
	proxy.close()
