"""Certificates that are not what was ordered, odd chains, and any lifetime."""

import re
import subprocess

import pytest

from harness.clock import Rush, Leaps
from harness.process import wait_for

HOUR, DAY = 3600, 86400
BAD, ACTIVE = 2, 0		# enum cert_state, store/cert.h


def certs_shown(port, host):
	"""The chain that a TLS client is shown, as PEM texts."""
	shown = subprocess.run(
		["openssl", "s_client", "-connect", f"127.0.0.1:{port}",
		 "-servername", host, "-showcerts"], input="",
		capture_output=True, text=True, timeout=20)
	return re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERT"
			  r"IFICATE-----", shown.stdout, re.S)


# 36.

WRONG = {
	"other-name": "does not name",
	"other-key": "for another key",
	"expired": "has expired already",
	"not-yet-valid": "not valid yet",
	"no-chain": "not a chain",
}


@pytest.mark.quick
@pytest.mark.fault(36, "the CA issues a wrong certificate",
		   "stored as bad, never served, told; the next is good")
@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_certificate(make_box, name, saw, wrong):
	box = make_box()
	box.daemon.ca["limit_duplicates"] = "none"
	box.start().live(name)
	before = box.served(name).serial

	box.ca.set(wrong=wrong)
	box.daemon.ok("cert", "renew", name)
	wait_for("the refusal", lambda: box.failures(name) == 1)

	good, bad = box.certs(name)
	assert (good["state"], bad["state"]) == (ACTIVE, BAD)
	assert box.served(name).serial == before
	assert int(good["serial"], 16) == int(before, 16)
	assert WRONG[wrong] in box.problem(name)
	[told] = [t for t in box.told("order.failed") if WRONG[wrong] in t]
	assert box.ca_view()["down_since"] is None

	box.ca.set(wrong=None)
	box.renew(name)
	assert int(box.served(name).serial, 16) == \
		int(box.ca.serials(f"mta-sts.{name}")[2], 16)
	saw(f"\"{told}\"")


@pytest.mark.quick
@pytest.mark.fault(36, "the CA issues for 45 s in place of 90 d, then not at "
		   "all", "stored as bad, never served, told; the next is good")
def test_too_short_a_life(make_box, name, saw):
	box = make_box(ca={"lifetime": 90 * DAY})
	box.daemon.ca["limit_duplicates"] = "none"
	box.start().live(name)
	before = box.served(name).serial

	box.ca.set(lifetime=45)
	box.daemon.ok("cert", "renew", name)
	wait_for("the refusal", lambda: box.failures(name) == 1)
	assert [c["state"] for c in box.certs(name)] == [ACTIVE, BAD]
	assert box.served(name).serial == before
	[told] = box.told("order.failed")
	assert "long before what is served" in told
	assert box.failures(name) == 1

	box.ca.set(lifetime=6 * DAY + 16 * HOUR)
	box.renew(name)
	assert box.served(name).serial != before
	saw(f"\"{told}\"; 160 h were taken")


@pytest.mark.quick
@pytest.mark.fault(36, "a good chain with broken PEM and text behind it",
		   "the junk is never served. (The chain is: it is what was "
		   "ordered, and may be the only one to be had)")
def test_junk_behind_a_chain(box, name, saw):
	box.ca.set(wrong="junk")
	box.live(name)

	shown = certs_shown(box.daemon.https_port, f"mta-sts.{name}")

	assert box.served(name).status == 200
	assert len(shown) == 2
	assert "bm90IGEgY2VydA" not in "".join(shown)
	saw(f"{len(shown)} certificates served, verified")


@pytest.mark.fault(36, "a wrong certificate each time, for 8 days",
		   "ever fewer tries, within the CA's limits; then a good one")
def test_wrong_certificates_for_days(make_box, name, saw, tmp_path):
	clock = Leaps(tmp_path)
	box = make_box(clock).start()
	box.live(name)
	box.ca.set(wrong="other-key")
	box.daemon.ok("cert", "renew", name)
	began = clock.now()
	while clock.now() < began + 8 * DAY:
		box.wait_idle()
		clock.step(until_due(box, name) + 1)
		box.daemon.reload()
	box.wait_idle()
	tries = box.ca.count("certificates") - 1

	assert box.ca.counts()["breaches"] == {}
	assert 5 <= tries <= 9		# five of a name, one more each 34 h
	assert len([c for c in box.certs(name) if c["state"] == BAD]) > 0
	box.ca.set(wrong=None)
	ends = clock.now() + 2 * DAY	# the limit gives one back in 34 hours
	while box.failures(name):
		assert clock.now() < ends
		clock.step(max(HOUR, until_due(box, name)) + 1)
		box.daemon.reload()
		box.wait_idle()
	saw(f"{tries} tries in 8 days, 0 limits touched; then renewed")


def until_due(box, name):
	[(at,)] = box.daemon.rows("SELECT due_at FROM domain WHERE name = ?",
				  name)
	return at - box.now()


# 35. Pebble makes the chains. No alternate one is followed: there is no key
# that prefers one, so its absence is nobody's loss.

@pytest.mark.fault(35, "chains longer than usual, and alternate ones offered",
		   "the default chain, whole")
@pytest.mark.parametrize("length, alternates", [(1, 0), (1, 2), (5, 1)])
def test_chains(make_rig, saw, length, alternates):
	rig = make_rig(chain_length=length, alternate_roots=alternates)
	daemon = rig.daemon().start()
	rig.dns.point("a.test")
	daemon.add("a.test")

	shown = certs_shown(daemon.https_port, "mta-sts.a.test")

	assert len(shown) == 1 + length
	assert rig.client(daemon).fetch("mta-sts.a.test").status == 200
	saw(f"{len(shown)} certificates served; they lead to the default root")


@pytest.mark.fault(35, "a chain of 12 certificates",
		   "refused in words, and nothing else is served")
def test_an_absurd_chain(make_rig, saw):
	rig = make_rig(chain_length=12)
	daemon = rig.daemon().start()
	rig.dns.point("a.test")
	daemon.add("a.test", wait=False)
	problem = wait_for("the refusal", lambda: daemon.rows(
		"SELECT problem FROM domain WHERE failures > 0"))[0][0]

	assert "not a chain of 2 to 10" in problem
	assert daemon.rows("SELECT state FROM cert") == [(BAD,)]
	saw(f"\"{problem}\"")


@pytest.mark.fault(35, "the CA's root and issuer are other ones after its "
		   "restart", "each certificate with its own chain")
def test_another_root(make_rig, saw):
	rig = make_rig()
	daemon = rig.daemon().start()
	rig.dns.point("a.test", "b.test")
	daemon.add("a.test", "b.test")
	old = rig.client(daemon)

	rig.pebble.restart()
	new = rig.client(daemon)
	daemon.ok("cert", "renew", "a.test", "--wait")

	assert new.fetch("mta-sts.a.test").status == 200
	assert old.fetch("mta-sts.b.test").status == 200
	issuers = daemon.rows("SELECT count(DISTINCT issuer) FROM cert"
			      " WHERE state = 0")
	assert issuers == [(2,)]
	saw("the renewed one leads to the new root, the other one to the old")


# 42.

@pytest.mark.fault(42, "certificates of 60 s and 300 s, time at x 10",
		   "renewed at half their life, no loop, never expired")
def test_lives_of_minutes(make_box, saw):
	rush = Rush(10)
	box = make_box(rush, ca={"lifetime": 60}).start()
	lives = {"a60.test": 60, "b60.test": 60, "a300.test": 300}
	box.live("a60.test", "b60.test")
	box.ca.rule({"lifetime": 300}, name="mta-sts.a300.test")
	box.live("a300.test")

	with box.fetcher(*lives, pause=0.02) as fetcher:
		box.wait_issued("a300.test", 3, 60)
	took = rush.now() - box.certs("a300.test")[0]["created_at"]

	assert fetcher.failures == []
	for name, life in lives.items():
		issued = box.ca.count("certificates", f"mta-sts.{name}")
		assert 1 + took / life <= issued <= 2 + 4 * took / life
	saw(f"{box.ca.issued()} certificates in {took:.0f} s;"
	    f" {fetcher.ok} fetches, 0 failed")


@pytest.mark.fault(42, "a certificate's whole life and more, the clock going "
		   "on by a fiftieth of it at a time",
		   "renewed once, at the same fraction whatever the life")
@pytest.mark.parametrize("life, planned", [
	pytest.param(160 * HOUR, 1 / 2, id="160h"),
	pytest.param(45 * DAY, 2 / 3, id="45d",
		     marks=pytest.mark.quick),
	pytest.param(398 * DAY, 2 / 3, id="398d")])
def test_lives_of_days(make_box, name, saw, tmp_path, life, planned):
	clock = Leaps(tmp_path)
	box = make_box(clock, ca={"lifetime": life, "ari": False}).start()
	box.live(name)
	[first] = box.certs(name)
	for _ in range(60):
		clock.step(life / 50)
		box.daemon.reload()
		wait_for("what is due", lambda: box.orders() == 0)
		assert box.served(name).not_after > clock.now()

	fractions = [(new["created_at"] - old["not_before"]) / life for old, new
		     in zip(box.certs(name), box.certs(name)[1:])]
	assert len(fractions) == (2 if planned == 1 / 2 else 1)
	for fraction in fractions:
		assert planned - 0.03 < fraction < planned + 0.05
	assert box.ca.issued() == 1 + len(fractions)
	saw("renewed at " + ", ".join(f"{f:.0%}" for f in fractions))
