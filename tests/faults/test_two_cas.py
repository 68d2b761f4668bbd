"""Faults of one CA, where another one, or only time, can help.

The first story has two real CAs, the second of which wants EAB; the others
have one or two of ours (tests/fakeca), which can be told to misbehave.
"""

import time

import pytest

from harness.fetch import Client, Fetcher
from harness.pebble import EAB_KEY
from harness.process import wait_for
from harness.two_cas import ca, issuer

REFUSED = 3		# exit status
LIFE = 120		# of a certificate; renewed at half of it
NAMES = [f"f{i}.test" for i in range(20)]


def issuers(daemon):
	return [issuer(daemon, name) for name in NAMES]


def blamed(daemon):
	return daemon.rows("SELECT count(*) FROM domain WHERE failures > 0")[0][0]


def kinds(daemon, *name):
	return [event["kind"] for event in
		daemon.json("log", *name, "--limit", "1000")["events"]]


@pytest.mark.fault(10, "the first CA is down for longer than the margin of "
		   "20 domains", "all move to the second in time, and return")
def test_the_first_dies(make_two, saw):
	two = make_two(validity=LIFE)
	daemon = two.daemon()
	daemon.settings["alert_ca_down"] = "2s"
	daemon.start()
	two.rig.dns.point(*NAMES)
	daemon.add(*NAMES, wait=False)
	daemon.wait_state("live", *NAMES, seconds=60)
	wait_for("the canary", lambda: ca(daemon, "second")["proven"], 20)

	# Exercised while all is well: by a trial, and by nothing that is served.
	assert issuers(daemon) == ["pebble"] * len(NAMES)
	assert two.second.issued() == 1
	assert "trial.passed" in kinds(daemon)

	client = two.client(daemon)
	with Fetcher(client, [f"mta-sts.{name}" for name in NAMES],
		     pause=1) as fetcher:
		two.first.process.kill()
		died = time.time()
		wait_for("all to be with the second", lambda: set(
			issuers(daemon)) == {"second"}, LIFE + 20, 0.5)
		moved = time.time() - died
		down = ca(daemon, "pebble")
		alerts = daemon.api("GET", "/v1/alerts")[1]["alerts"]
		status = daemon.ctl("status")
		time.sleep(max(0, died + LIFE - time.time()))
		two.first.start()		# it knows nobody any more
		two.trust(client, two.first)
		wait_for("all to be back", lambda: set(
			issuers(daemon)) == {"pebble"}, 2 * LIFE, 0.5)

	assert fetcher.failures == []
	assert fetcher.ok > 20 * LIFE
	assert down["down_since"] and status.status in (1, 2)
	assert "ca pebble: " in status.out
	assert {"ca.trouble", "ca.well"} <= set(kinds(daemon))
	assert ("ca.down", "pebble") in [(a["kind"], a["subject"])
					 for a in alerts]
	wait_for("the alert to end", lambda: "ca.down" not in
		 [a["kind"] for a in daemon.json("alert", "list")["alerts"]])
	assert blamed(daemon) == 0
	saw(f"down for {LIFE} s, a margin of {LIFE // 2} s; all moved "
	    f"{moved:.0f} s after its death; {fetcher.ok} fetches, none failed")


# Ours.

class Stage:
	"""A daemon with CAs of ours, in this order: "a", "b" ..."""

	def __init__(self, rig, make_fakeca):
		self.rig = rig
		self.make_fakeca = make_fakeca
		self.cas = []
		self.daemon = rig.daemon()
		self.daemon.ca = {}

	def ca(self, name, settings=None, **keys):
		"""Its name in CAA records is NAME-ca.test."""
		made = self.make_fakeca(http_port=self.rig.http_port, name=name)
		made.set(caa_identities=[f"{name}-ca.test"],
			 **(settings or {}))
		self.daemon.more_cas[name] = {
			"directory": made.directory, "trust": made.trust} | keys
		self.cas.append(made)
		return made

	def point(self, *names):
		self.rig.dns.point(*names)

	def client(self):
		client = Client(self.daemon.https_port, self.cas[0].root())
		for one in self.cas[1:]:
			client.context.load_verify_locations(cafile=one.root())
		return client

	def caa(self, name, *values):
		"""In DNS, and as the CAs see it."""
		self.rig.dns.set(name, "CAA",
				 *(f'0 issue "{value}"' for value in values))
		for one in self.cas:
			one.set(caa={name: list(values) or None})


@pytest.fixture
def stage(rig, make_fakeca):
	stage = Stage(rig, make_fakeca)
	yield stage
	rig.dns.records.clear()


def findings(daemon, name):
	return " ".join(f["text"] + " " + f["hint"]
			for f in daemon.domain(name)["findings"])


@pytest.mark.quick
@pytest.mark.fault(28, "CAA forbids the first CA", "the second is asked")
def test_caa_forbids_the_first(stage, name, saw):
	first, second = stage.ca("a"), stage.ca("b")
	daemon = stage.daemon.start()
	stage.caa(name, "b-ca.test")
	stage.point(name)
	daemon.add(name)

	[[orders]] = daemon.rows("SELECT count(*) FROM ord JOIN ca ON ca.id ="
				 " ca_id WHERE trial = 0 AND ca.name = 'a'")
	assert issuer(daemon, name) == "b"
	assert first.issued() == 0 and second.issued() == 1
	assert orders == 0 and blamed(daemon) == 0
	saw(f"{orders} orders at the first, 1 certificate of the second")


@pytest.mark.quick
@pytest.mark.fault(28, "two of three CAs refuse a name by a record that only "
		   "they see", "each is asked once, at once; then the third")
def test_two_of_three_refuse(stage, name, saw):
	cas = [stage.ca(letter) for letter in "abc"]
	for refusing in cas[:2]:
		refusing.set(caa={name: ["c-ca.test"]})
	daemon = stage.daemon.start()
	stage.point(name)
	began = time.monotonic()
	daemon.add(name)
	took = time.monotonic() - began

	asked = daemon.rows("SELECT ca.name, count(*) FROM ord JOIN ca ON ca.id"
			    " = ca_id WHERE trial = 0 GROUP BY ca.name")
	assert issuer(daemon, name) == "c"
	assert dict(asked) == {"a": 1, "b": 1, "c": 1}
	saw(f"live with the third after {took:.0f} s, one order at each")


@pytest.mark.quick
@pytest.mark.fault(28, "CAA forbids both CAs",
		   "no order, the record is named, and it goes on by itself")
def test_caa_forbids_both(stage, name, saw):
	first, second = stage.ca("a"), stage.ca("b")
	daemon = stage.daemon.start()
	stage.caa(name, ";")
	stage.point(name)
	daemon.add(name, wait=False)
	wait_for("the reason", lambda: "forbids every CA" in
		 findings(daemon, name), 20)
	time.sleep(8)
	orders = first.orders() + second.orders()
	assert orders == 0 and blamed(daemon) == 0
	assert 'CAA 0 issue "a-ca.test"' in findings(daemon, name)

	stage.caa(name)
	daemon.wait_state("live", name, seconds=60)
	assert issuer(daemon, name) == "a"
	saw(f"{orders} orders, both records named; live once it was gone")


@pytest.mark.fault(28, "the CA cannot read CAA (SERVFAIL)",
		   "a passing failure: tried again soon")
def test_the_ca_cannot_read_caa(stage, name, saw):
	only = stage.ca("a", {"caa": {name: "servfail"}})
	daemon = stage.daemon.start()
	stage.point(name)
	daemon.add(name, wait=False)
	wait_for("the failure", lambda: "SERVFAIL" in findings(daemon, name), 20)
	only.set(caa={name: None})
	began = time.time()
	daemon.wait_state("live", name, seconds=100)
	saw(f"live {time.time() - began:.0f} s after CAA could be read again")


PROFILE = "shortlived"


@pytest.mark.fault(34, "a preferred profile vanishes from the directory",
		   "the default is asked for, with a warning")
def test_a_preferred_profile_vanishes(stage, name, saw):
	only = stage.ca("a", profile=PROFILE)
	daemon = stage.daemon.start()
	stage.point(name)
	daemon.add(name)
	assert only.certificates(f"mta-sts.{name}")[0]["not_after"] < \
		time.time() + 7 * 86400

	only.set(profiles={PROFILE: None})	# what we know says otherwise
	daemon.ok("cert", "renew", name, "--wait")

	newest = only.certificates(f"mta-sts.{name}")[-1]
	assert newest["not_after"] > time.time() + 80 * 86400
	assert "ca.profile-missing" in kinds(daemon)
	assert blamed(daemon) == 0 and only.issued() == 2
	saw("the next certificate is of the default profile; 1 warning")


@pytest.mark.fault(34, "a required profile vanishes from the directory",
		   "nothing is ordered there, and the CA is said to be why")
def test_a_required_profile_vanishes(stage, name, saw):
	first, second = stage.ca("a", profile=PROFILE,
				 profile_required=True), stage.ca("b")
	daemon = stage.daemon.start()
	stage.point(name, "later.test")
	daemon.add(name)
	assert issuer(daemon, name) == "a"

	first.set(profiles={PROFILE: None})
	before = first.issued()
	daemon.ctl("cert", "renew", name)
	wait_for("the trouble", lambda: "profile" in ca(daemon, "a")["problem"],
		 30)
	orders = first.orders()
	wait_for("the second's", lambda: issuer(daemon, name) == "b", 180, 0.5)

	assert first.issued() == before and first.orders() == orders
	assert "profile" in daemon.ctl("status").out
	saw("no order without it; the second CA renewed")


@pytest.mark.quick
@pytest.mark.fault(24, "the CA wants EAB", "said at the account, no order storm")
@pytest.mark.parametrize("keys", ["none", "wrong"])
def test_eab_is_missing_or_wrong(stage, name, tmp_path, saw, keys):
	only = stage.ca("a", {"eab": {"kid-1": EAB_KEY}})
	daemon, key = stage.daemon, tmp_path / "eab.key"
	key.write_text("d3Jvbmc\n")
	key.chmod(0o600)
	binding = {"eab_kid": "kid-1", "eab_key_file": key}
	if keys == "wrong":
		daemon.more_cas["a"] |= binding
	daemon.start()
	stage.point(name)
	daemon.add(name, wait=False)
	wait_for("the trouble", lambda: ca(daemon, "a")["problem"], 20)
	time.sleep(6)
	asked = only.requests("new-account")
	assert only.orders() == 0 and asked <= 2 and blamed(daemon) == 0
	said = daemon.ctl("status").out
	assert "eab_kid" in said or "binding" in said.lower(), said

	key.write_text(EAB_KEY + "\n")
	daemon.more_cas["a"] |= binding
	daemon.reload()
	daemon.wait_state("live", name, seconds=60)
	saw(f"{asked} registrations tried in 6 s, 0 orders; live after a reload")


@pytest.mark.fault(23, "the CA deactivates our account",
		   "the account is parked, what is due goes to the next CA")
def test_the_account_is_deactivated(stage, name, saw):
	first, second = stage.ca("a"), stage.ca("b")
	daemon = stage.daemon.start()
	stage.point(name)
	daemon.add(name)
	assert issuer(daemon, name) == "a"

	first.deactivate()
	daemon.ctl("cert", "renew", name)
	wait_for("it to be known", lambda: ca(daemon, "a")["account"] ==
		 "deactivated", 30)
	asked = first.orders() + first.requests("new-account")
	wait_for("the second's", lambda: issuer(daemon, name) == "b", 180, 0.5)

	assert first.orders() + first.requests("new-account") - asked <= 1
	assert "deactivated" in daemon.ctl("status").out
	assert "new-account" in ca(daemon, "a")["hint"]
	assert first.count("accounts") == 1 and blamed(daemon) == 0
	saw("no second account was made; the next CA renewed")


@pytest.mark.fault(23, "the CA wants its new terms agreed to",
		   "said, no order storm; what is due goes to the next CA")
def test_user_action_is_required(stage, name, saw):
	first, second = stage.ca("a"), stage.ca("b")
	daemon = stage.daemon.start()
	stage.point(name)
	daemon.add(name)
	first.set(terms="https://terms.test/2", terms_enforced=True)
	before = first.requests("new-order")
	daemon.ctl("cert", "renew", name)
	wait_for("the trouble", lambda: "userActionRequired" in
		 ca(daemon, "a")["problem"], 30)
	wait_for("the second's", lambda: issuer(daemon, name) == "b", 180, 0.5)

	asked = first.requests("new-order") - before
	assert asked < 20 and blamed(daemon) == 0
	assert "userActionRequired" in daemon.ctl("status").out
	saw(f"{asked} requests for an order; the next CA renewed")


def public_key(pem):
	from cryptography import x509
	return x509.load_pem_x509_certificate(pem.encode()).public_key() \
		.public_numbers()


def put_back(daemon, name, cert, folder):
	"""Imports a former certificate with the key that is in the store."""
	from cryptography.hazmat.primitives import serialization
	from cryptography.hazmat.primitives.asymmetric import ec

	[[scalar]] = daemon.rows("SELECT scalar FROM key ORDER BY id LIMIT 1")
	key = ec.derive_private_key(int.from_bytes(scalar, "big"),
				    ec.SECP256R1())
	assert key.public_key().public_numbers() == public_key(cert)
	(folder / "old.pem").write_text(cert)
	(folder / "old.key").write_bytes(key.private_bytes(
		serialization.Encoding.PEM,
		serialization.PrivateFormat.PKCS8,
		serialization.NoEncryption()))
	return daemon.ctl("cert", "import", name, "--cert", folder / "old.pem",
			  "--key", folder / "old.key")


def pem_of(daemon, name):
	return daemon.json("cert", "show", name)["pem"]


@pytest.mark.quick
@pytest.mark.fault(47, "a key is compromised, says the admin",
		   "another key, then revoked for reason 1, never used again")
def test_a_key_is_compromised(stage, name, tmp_path, saw):
	only = stage.ca("a")
	daemon = stage.daemon.start()
	host = f"mta-sts.{name}"
	stage.point(name)
	daemon.add(name)
	before, client = pem_of(daemon, name), stage.client()
	old = daemon.serial(name)

	with Fetcher(client, [host], pause=0.05) as fetcher:
		daemon.ok("cert", "revoke", name, "--why", "keyCompromise",
			  "--reason", "the backup was stolen")
		wait_for("the revocation", lambda: [
			c for c in only.certificates(host) if c["revoked_at"]],
			30)
	[revoked] = [c for c in only.certificates(host) if c["revoked_at"]]
	after = pem_of(daemon, name)

	assert int(revoked["serial"], 16) == old and revoked["reason"] == 1
	assert daemon.serial(name) != old and fetcher.failures == []
	assert public_key(after) != public_key(before)
	assert only.issued() == 2 and only.complaint() is None
	swapped = kinds(daemon, name)
	assert swapped.index("cert.renewed") < swapped.index("cert.revoked")

	refused = put_back(daemon, name, before, tmp_path)
	assert refused.status == REFUSED and "compromised" in refused.err
	assert public_key(pem_of(daemon, name)) == public_key(after)
	saw("replaced, then revoked for reason 1; no fetch failed; the old pair "
	    "was not taken back")
