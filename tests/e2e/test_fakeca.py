"""fakeca, our own CA: does it misbehave as it says, and only then?

Most stories use a client that does as it is told (harness/acme.py); the last
ones the real mtastsd, against which all of it is for.
"""

import calendar
import datetime
import json
import os
import threading
import time
from email.utils import parsedate_to_datetime
from http.client import HTTPSConnection

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fakeca.jws import b64, unb64
from harness.acme import (Acme, Responder, bind, challenge_of, csr_for,
			  jwk_of, new_key, sign)
from harness.fakeca import FakeCa
from harness.process import RUNNING, free_port, wait_for

DAY = 86400
NAME = "mta-sts.a.test"


class World:
	"""A CA, an account there, and somebody who answers its challenges."""

	def __init__(self, ca):
		self.ca = ca
		self.acme = Acme(ca.directory, ca.trust)
		self.acme.register()
		self.responder = Responder(ca.http_port, self.acme.thumbprint)

	def stranger(self):
		other = Acme(self.ca.directory, self.ca.trust)
		other.register()
		return other


@pytest.fixture
def make_ca(tmp_path):
	before = list(RUNNING)
	numbers = iter(range(100))

	def make(**options):
		return FakeCa(tmp_path / f"ca{next(numbers)}", free_port(),
			      **options).start()

	yield make
	for process in list(RUNNING):
		if process not in before:
			process.kill()


@pytest.fixture
def world(make_ca):
	world = World(make_ca())
	yield world
	world.responder.close()


def leaf_of(chain):
	return x509.load_pem_x509_certificate(chain)


def lifetime(chain):
	leaf = leaf_of(chain)
	return (leaf.not_valid_after - leaf.not_valid_before).total_seconds()


def instant(text):
	return parsedate_to_datetime(text).timestamp()


# The right way.

def test_from_order_to_certificate(world):
	order = world.acme.order(NAME)
	assert order.status == 201 and order.json["status"] == "pending"
	assert [a["status"] for a in world.acme.authorize(order)] == ["valid"]
	assert world.acme.post(order.location).json["status"] == "ready"
	key = new_key()

	done = world.acme.finalize(order, key).json

	assert done["status"] == "valid"
	chain = world.acme.post(done["certificate"]).body
	leaf = leaf_of(chain)
	assert leaf.public_key().public_numbers() == \
		key.public_key().public_numbers()
	assert lifetime(chain) == 90 * DAY
	assert chain.count(b"BEGIN CERTIFICATE") == 2
	assert {at for at, _ in world.responder.hits} == {
		"127.0.0.2", "127.0.0.3", "127.0.0.4"}
	assert world.ca.serials(NAME) == [f"{leaf.serial_number:x}"]
	assert world.ca.complaint() is None


def test_the_chain_verifies_up_to_the_root(world, tmp_path):
	chain = world.acme.issue(NAME)
	issuer = x509.load_pem_x509_certificate(
		chain[chain.rindex(b"-----BEGIN"):])
	root = x509.load_pem_x509_certificate(world.ca.root().read_bytes())
	for child, parent in (leaf_of(chain), issuer), (issuer, root):
		assert child.issuer == parent.subject
		parent.public_key().verify(
			child.signature, child.tbs_certificate_bytes,
			ec.ECDSA(hashes.SHA256()))


# Reuse.

def test_an_open_order_is_given_again(world):
	first, second = world.acme.order(NAME), world.acme.order(NAME)
	assert first.location == second.location
	other = world.acme.order(NAME, profile="shortlived")
	assert other.location != first.location
	world.acme.authorize(first)
	assert world.acme.order(NAME).json["status"] == "ready"
	assert world.acme.order(NAME).location == first.location
	world.acme.finalize(first)
	assert world.acme.order(NAME).location != first.location
	assert world.ca.count("orders_reused", NAME) == 3
	assert world.ca.count("orders", NAME) == 3


def test_nobody_gets_an_order_of_another_account(world):
	mine = world.acme.order(NAME)
	stranger = world.stranger()
	assert stranger.order(NAME).location != mine.location
	assert stranger.post(mine.location).problem == "unauthorized"


def test_a_valid_authorization_makes_the_next_order_ready(world):
	world.acme.issue(NAME)
	looks = len(world.responder.hits)
	assert world.acme.order(NAME).json["status"] == "ready"
	assert len(world.responder.hits) == looks

	world.ca.set(authz_reuse=0, order_reuse=False)
	assert world.acme.order(NAME).json["status"] == "pending"


# ARI.

def window_of(world, chain=None, serial=None):
	serial = serial or f"{leaf_of(chain).serial_number:x}"
	cert = next(c for c in world.ca.call("GET", "/certificates")
		    if c["serial"] == serial)
	reply = world.acme.get(
		f"{world.acme.directory['renewalInfo']}/{cert['cert_id']}")
	return cert, reply


def seconds_of(reply):
	window = reply.json["suggestedWindow"]
	return [calendar_time(window[edge]) for edge in ("start", "end")]


def calendar_time(text):
	return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


@pytest.mark.parametrize("life, share", [
	(90 * DAY, 2 / 3), (576000, 1 / 2), (3600, 1 / 2), (398 * DAY, 2 / 3)])
def test_window_of_renewal(world, life, share):
	world.ca.set(lifetime=life)
	cert, reply = window_of(world, world.acme.issue(NAME))
	start, end = seconds_of(reply)
	middle = cert["not_before"] + share * life
	assert abs(start - (middle - life / 100)) <= 1
	assert abs(end - (middle + life / 100)) <= 1
	assert 0.8 * 21600 <= int(reply.headers["retry-after"]) <= 1.2 * 21600
	assert world.ca.counts()["ari_polls"] == {cert["serial"]: 1}


def test_the_cert_id_is_that_of_the_rfc(world):
	chain = world.acme.issue(NAME)
	cert, _ = window_of(world, chain)
	aki = leaf_of(chain).extensions.get_extension_for_class(
		x509.AuthorityKeyIdentifier).value.key_identifier
	left, right = cert["cert_id"].split(".")
	assert unb64(left, "") == aki
	assert int.from_bytes(unb64(right, ""), "big") == \
		leaf_of(chain).serial_number


ARI_CASES = {
	"immediate": lambda s, e, cert, now:
		abs(now - 3600 - s) < 5 and abs(now - 1800 - e) < 5,
	"backwards": lambda s, e, cert, now: e < s,
	"beyond": lambda s, e, cert, now: s > cert["not_after"],
	"year-9999": lambda s, e, cert, now: e == 253402300799,
}


@pytest.mark.parametrize("kind", ARI_CASES)
def test_other_windows(world, kind):
	chain = world.acme.issue(NAME)
	other = world.acme.issue("mta-sts.b.test")
	world.ca.set(ari_windows={NAME: kind})
	cert, reply = window_of(world, chain)
	assert ARI_CASES[kind](*seconds_of(reply), cert, time.time())
	cert, reply = window_of(world, other)
	assert seconds_of(reply)[0] > time.time()	# not meant

	world.ca.set(ari_windows={NAME: None})
	cert, reply = window_of(world, chain)
	assert cert["not_before"] < seconds_of(reply)[0] < cert["not_after"]


def test_answers_that_are_no_window(world):
	chain = world.acme.issue(NAME)
	world.ca.set(ari_windows={"*": "503"})
	_, reply = window_of(world, chain)
	assert reply.status == 503 and reply.headers["retry-after"] == "60"
	world.ca.set(ari_windows={"*": "garbage"})
	_, reply = window_of(world, chain)
	with pytest.raises(ValueError):
		json.loads(reply.body)
	world.ca.set(ari_windows={"*": "empty"})
	_, reply = window_of(world, chain)
	assert "suggestedWindow" not in reply.json
	with pytest.raises(ValueError):
		world.ca.set(ari_windows={"*": "imediate"})


def test_an_incident_has_an_explanation(world):
	chain = world.acme.issue(NAME)
	world.ca.set(ari_windows={"*": {"window": [-60, 3600],
					"explanation": "https://x.test/"}},
		     ari_retry_after=77)
	_, reply = window_of(world, chain)
	assert reply.json["explanationURL"] == "https://x.test/"
	assert reply.headers["retry-after"] == "77"


def test_without_ari_the_directory_says_nothing_of_it(world):
	world.ca.set(ari=False)
	directory = world.acme.get(world.ca.directory).json
	assert "renewalInfo" not in directory


def test_replaces(world):
	chain = world.acme.issue(NAME)
	cert, _ = window_of(world, chain)
	first = world.acme.order(NAME, replaces=cert["cert_id"])
	assert first.json["replaces"] == cert["cert_id"]

	again = world.acme.order(NAME, replaces=cert["cert_id"])
	assert (again.status, again.problem) == (409, "alreadyReplaced")
	assert world.acme.order(NAME).location == first.location

	unknown = cert["cert_id"][:-2] + "AA"
	reply = world.acme.order(NAME, replaces=unknown)
	assert reply.status == 404
	reply = world.stranger().order(NAME, replaces=cert["cert_id"])
	assert (reply.status, reply.problem) == (403, "unauthorized")


def test_an_order_that_came_to_nothing_replaces_nothing(world):
	cert, _ = window_of(world, world.acme.issue(NAME))
	world.ca.rule({"issue": "invalid"}, endpoint="finalize", times=1)
	first = world.acme.order(NAME, replaces=cert["cert_id"])
	assert world.acme.finalize(first).json["status"] == "invalid"
	second = world.acme.order(NAME, replaces=cert["cert_id"])
	assert second.status == 201 and second.location != first.location


# Profiles and lifetimes.

def test_profiles(world):
	directory = world.acme.get(world.ca.directory).json
	assert set(directory["meta"]["profiles"]) == {"classic", "shortlived"}
	assert lifetime(world.acme.issue(NAME, profile="shortlived")) == 576000
	assert world.acme.order(NAME, profile="none").problem == \
		"invalidProfile"

	world.ca.set(profiles={"shortlived": None})
	assert world.acme.order(NAME, profile="shortlived").problem == \
		"invalidProfile"


@pytest.mark.parametrize("life", [30, 60, 300, 576000, 398 * DAY])
def test_lifetimes_change_while_it_runs(world, life):
	world.ca.set(lifetime=life)
	chain = world.acme.issue(NAME)
	assert lifetime(chain) == life
	age = time.time() - world.ca.certificates(NAME)[0]["not_before"]
	assert -1 < age <= min(3600, life / 100) + 2


# Retry-After and processing.

@pytest.mark.parametrize("told, seen", [
	(7, "7"), ("soon", "soon"), (-5, "-5"), (10**12, "1000000000000")])
def test_retry_after(world, told, seen):
	world.ca.set(retry_after=told)
	assert world.acme.order(NAME).headers["retry-after"] == seen


def test_retry_after_as_a_date(world):
	world.ca.set(retry_after={"date": 90})
	header = world.acme.order(NAME).headers["retry-after"]
	assert abs(instant(header) - time.time() - 90) < 5
	world.ca.set(retry_after=None)
	assert "retry-after" not in world.acme.order(NAME).headers


def test_processing_takes_its_time(world):
	world.ca.set(processing=1)
	order = world.acme.order(NAME)
	world.acme.authorize(order)
	assert world.acme.finalize(order).json["status"] == "processing"
	assert world.acme.post(order.location).json["status"] == "processing"
	assert world.ca.issued() == 0
	time.sleep(1.1)
	assert world.ca.issued() == 1		# though nobody asked for it
	assert world.acme.post(order.location).json["status"] == "valid"


def test_processing_for_ever(world):
	order = world.acme.order(NAME)
	world.acme.authorize(order)
	world.ca.rule({"processing": "forever"}, endpoint="finalize")
	world.acme.finalize(order)
	assert world.acme.post(order.location).json["status"] == "processing"


def test_finalize_that_fails(world):
	order = world.acme.order(NAME)
	world.acme.authorize(order)
	stay = world.ca.rule({"issue": "stay-ready"}, times=1)
	assert world.acme.finalize(order).status == 500
	assert world.acme.post(order.location).json["status"] == "ready"
	assert world.ca.hits(stay) == 1
	world.ca.drop_rules()
	world.ca.set(issue="invalid", issue_problem="caa")
	dead = world.acme.finalize(order).json
	assert dead["status"] == "invalid"
	assert dead["error"]["type"].endswith(":caa")
	world.ca.set(issue="ok")
	assert world.acme.order(NAME).json["status"] == "ready"


# Limits and refusals.

@pytest.mark.parametrize("limit", [
	"new-registrations", "new-orders", "certificates-per-domain",
	"duplicates", "failed-authorizations", "consecutive-failures"])
def test_each_kind_of_limit(world, limit):
	world.ca.rule({"limited": limit, "retry_after": 99},
		      endpoint="new-order", name=NAME, times=1)
	assert world.acme.order("mta-sts.b.test").status == 201
	reply = world.acme.order(NAME)
	assert (reply.status, reply.problem) == (429, "rateLimited")
	assert reply.headers["retry-after"] == "99"
	assert world.acme.order(NAME).status == 201


def test_a_busy_ca(world):
	world.ca.rule({"busy": 30}, endpoint=["new-order", "new-nonce"])
	reply = world.acme.order(NAME)
	assert (reply.status, reply.problem) == (503, "rateLimited")
	assert reply.headers["retry-after"] == "30"
	assert world.ca.orders() == 0


def test_the_buckets_judge_and_refuse_if_told(world):
	world.ca.set(authz_reuse=0, validation="always",
		     limits={"duplicates": [2, 7 * DAY]})
	for _ in range(3):
		world.acme.issue(NAME)
	counts = world.ca.counts()
	assert counts["breaches"] == {"duplicates": 1}
	assert "duplicates of mta-sts.a.test" == counts["first_breach"]

	world.ca.set(enforce=["duplicates"])
	reply = world.acme.order(NAME)
	assert (reply.status, reply.problem) == (429, "rateLimited")
	assert 0 < int(reply.headers["retry-after"]) <= 7 * DAY / 2
	assert "retry after 20" in reply.json["detail"]
	world.ca.set(limits={"duplicates": False})
	assert world.acme.order(NAME).status == 201


def test_renewals_are_free_of_most_limits(world):
	world.ca.set(limits={"new-orders": [2, 3600], "duplicates": [2, DAY]},
		     enforce=["*"], validation="always")
	world.acme.issue(NAME)
	world.acme.issue(NAME)			# the same set of names
	world.acme.issue("mta-sts.b.test")
	reply = world.acme.order("mta-sts.c.test")
	assert reply.problem == "rateLimited"

	cert, _ = window_of(world, serial=world.ca.serials(NAME)[0])
	world.ca.set(ari_windows={"*": [-10, 60]})
	assert world.acme.order(NAME).status == 429
	assert world.acme.order(NAME, replaces=cert["cert_id"]).status == 201
	assert world.ca.count("orders_exempt") == 1


def test_failed_authorizations_use_up_their_bucket(world):
	world.ca.set(validation="never", enforce=["*"], order_reuse=False,
		     limits={"consecutive-failures": [8, DAY]})
	for _ in range(5):
		states = world.acme.authorize(world.acme.order(NAME))
		assert states[0]["status"] == "invalid"
	assert world.acme.order(NAME).problem == "rateLimited"
	assert world.ca.count("failed_validations", NAME) == 5
	assert world.acme.order("mta-sts.b.test").status == 201


def test_a_paused_name(world):
	world.ca.set(paused={NAME: "rejectedIdentifier"})
	reply = world.acme.order(NAME)
	assert reply.problem == "rejectedIdentifier"
	assert "https://portal.test/unpause" in reply.json["detail"]
	world.ca.set(paused={NAME: None})
	assert world.acme.order(NAME).status == 201


def test_a_thousand_failures_pause_a_name(world):
	world.ca.set(validation="never", order_reuse=False,
		     limits={"consecutive-failures": [2, DAY],
			     "failed-authorizations": False},
		     enforce=["consecutive-failures"])
	for _ in range(3):
		world.acme.authorize(world.acme.order(NAME))
	assert "unpause" in world.acme.order(NAME).json["detail"]


@pytest.mark.parametrize("records, may", [
	(["fakeca.test"], True),
	(["other.test", "fakeca.test; validationmethods=http-01"], True),
	(["fakeca.test; validationmethods=tls-alpn-01"], False),
	(["fakeca.test; accounturi=https://elsewhere.test/1"], False),
	(["other.test"], False), ([], False), ("servfail", False)])
def test_caa(world, records, may):
	world.ca.set(caa={"a.test": records})
	authz, = world.acme.authorize(world.acme.order(NAME))
	assert authz["status"] == ("valid" if may else "invalid")
	if not may:
		error = challenge_of(authz, "http-01")["error"]
		assert error["type"].endswith(":caa")


def test_caa_again_at_finalize(world):
	order = world.acme.order(NAME)
	world.acme.authorize(order)
	world.ca.set(caa={NAME: []}, caa_recheck=0)
	assert world.acme.finalize(order).problem == "caa"
	assert world.acme.post(order.location).json["status"] == "ready"


# Wrong certificates.

WRONG = {
	"other-name": lambda leaf, chain, key:
		leaf.extensions.get_extension_for_class(
			x509.SubjectAlternativeName).value
		.get_values_for_type(x509.DNSName) != [NAME],
	"other-key": lambda leaf, chain, key:
		leaf.public_key().public_numbers() !=
		key.public_key().public_numbers(),
	"expired": lambda leaf, chain, key:
		leaf.not_valid_after < datetime.datetime.utcnow(),
	"not-yet-valid": lambda leaf, chain, key:
		leaf.not_valid_before > datetime.datetime.utcnow() +
		datetime.timedelta(seconds=3500),
	"no-chain": lambda leaf, chain, key:
		chain.count(b"BEGIN CERTIFICATE") == 1,
	"junk": lambda leaf, chain, key:
		chain.count(b"BEGIN CERTIFICATE") == 3,
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_certificates(world, kind):
	key = new_key()
	chain = world.acme.issue(NAME, key=key)
	assert not WRONG[kind](leaf_of(chain), chain, key)
	world.ca.set(wrong=kind)
	key = new_key()
	chain = world.acme.issue(NAME, key=key)
	assert WRONG[kind](leaf_of(chain), chain, key)
	assert len(world.ca.serials(NAME)) == 2


# Accounts.

EAB_KEY = b64(b"0123456789abcdef0123456789abcdef")


def test_external_account_binding(world):
	world.ca.set(eab={"kid-1": EAB_KEY})
	acme = Acme(world.ca.directory, world.ca.trust)
	assert acme.directory["meta"]["externalAccountRequired"] is True
	assert acme.register().problem == "externalAccountRequired"

	def binding(kid, key):
		return bind(kid, key, acme.directory["newAccount"],
			    jwk_of(acme.key))

	for kid, key in ("kid-2", EAB_KEY), ("kid-1", b64(b"wrong")):
		reply = acme.register(externalAccountBinding=binding(kid, key))
		assert reply.problem == "unauthorized"
	reply = acme.register(externalAccountBinding=binding("kid-1", EAB_KEY))
	assert reply.status == 201


def test_the_account_is_found_again_by_its_key(world):
	url = world.acme.kid
	again = world.acme.register()
	assert (again.status, again.location) == (200, url)
	stranger = Acme(world.ca.directory, world.ca.trust)
	assert stranger.register(onlyReturnExisting=True).problem == \
		"accountDoesNotExist"


def test_the_account_is_lost(world):
	world.ca.forget()
	reply = world.acme.order(NAME)
	assert (reply.status, reply.problem) == (400, "accountDoesNotExist")
	world.ca.set(unknown_account="vague")
	reply = world.acme.order(NAME)
	assert (reply.status, reply.json) == (500, {})
	lost = world.acme.kid
	assert world.acme.register().status == 201
	assert world.acme.kid != lost


def test_the_account_is_deactivated(world):
	world.ca.deactivate()
	assert world.acme.order(NAME).problem == "unauthorized"
	assert world.acme.register().problem == "unauthorized"


def test_new_terms(world):
	world.ca.set(terms="https://terms.test/2", terms_enforced=True)
	reply = world.acme.order(NAME)
	assert reply.problem == "userActionRequired"
	assert "https://terms.test/2" in reply.headers["link"]
	world.acme.post(world.acme.kid, {"termsOfServiceAgreed": True})
	assert world.acme.order(NAME).status == 201


def change_key(acme, new, **inner):
	url = acme.directory["keyChange"]
	claim = {"account": acme.kid, "oldKey": jwk_of(acme.key)} | inner
	return acme.post(url, sign(new, {
		"alg": "ES256", "jwk": jwk_of(new), "url": url}, claim))


def test_key_change(world):
	acme, new = world.acme, new_key()
	assert change_key(acme, new).status == 200
	assert acme.order(NAME).status == 400	# the old key
	acme.key = new
	assert acme.order(NAME).status == 201	# at the same URL


def test_key_change_refused(world):
	stranger = world.stranger()
	reply = change_key(world.acme, stranger.key)
	assert (reply.status, reply.location) == (409, stranger.kid)
	assert world.ca.complaint() is None
	reply = change_key(world.acme, new_key(), oldKey=jwk_of(new_key()))
	assert reply.problem == "malformed"
	assert "key-change" == world.ca.complaint()["endpoint"]


def test_orders_list(world):
	url = world.acme.kid.replace("/account/", "/orders/")
	assert world.acme.post(url).status == 404
	world.ca.set(orders_list=True, orders_per_page=2)
	assert world.acme.register().json["orders"] == url
	orders = [world.acme.order(f"mta-sts.{c}.test").location for c in "abc"]
	first = world.acme.post(url)
	assert first.json["orders"] == orders[:2]
	assert f'<{url}?page=1>;rel="next"' in first.headers["link"]
	second = world.acme.post(f"{url}?page=1")
	assert second.json["orders"] == orders[2:]
	assert "next" not in second.headers["link"]


# Revocation.

def revoke(acme, chain, reason=0, **signer):
	der = leaf_of(chain).public_bytes(serialization.Encoding.DER)
	return acme.post(acme.directory["revokeCert"], {
		"certificate": b64(der), "reason": reason}, **signer)


def test_revocation_by_account(world):
	chain = world.acme.issue(NAME)
	assert revoke(world.stranger(), chain).problem == "unauthorized"
	assert revoke(world.acme, chain, 2).problem == "badRevocationReason"
	assert revoke(world.acme, chain, 4).status == 200
	assert revoke(world.acme, chain, 4).problem == "alreadyRevoked"
	cert, reply = window_of(world, chain)
	assert cert["reason"] == 4
	assert seconds_of(reply)[1] < time.time()


def test_revocation_by_key_blocks_the_key(world):
	key = new_key()
	chain = world.acme.issue(NAME, key=key)
	assert revoke(world.acme, chain, 1, by="jwk",
		      key=new_key()).problem == "unauthorized"
	assert revoke(world.acme, chain, 1, by="jwk", key=key).status == 200
	order = world.acme.order(NAME)
	assert world.acme.finalize(order, key).problem == "badPublicKey"


def test_revocation_of_all(world):
	chains = [world.acme.issue(f"mta-sts.{c}.test") for c in "ab"]
	assert world.ca.revoke(all=True, explanation="https://x.test/") == 2
	for chain in chains:
		_, reply = window_of(world, chain)
		assert reply.json["explanationURL"] == "https://x.test/"
	assert world.ca.revoke(all=True) == 0


# Nonces.

def test_bad_nonces(world):
	world.ca.set(bad_nonce_every=2)
	kinds = [world.acme.order(NAME).status for _ in range(6)]
	assert sorted(kinds) == [201] * 3 + [400] * 3
	world.ca.set(bad_nonce_every=0, bad_nonce_share=1)
	assert world.acme.order(NAME).problem == "badNonce"
	assert world.ca.complaint() is None


def test_the_same_seed_throws_the_same_dice(make_ca):
	def luck(seed):
		ca = make_ca(seed=seed)
		ca.set(bad_nonce_share=0.5)
		acme = Acme(ca.directory, ca.trust)
		while acme.register().status == 400:
			pass
		return [acme.order(NAME).status for _ in range(30)]

	assert luck(5) == luck(5) != luck(6)


def test_answers_without_a_nonce(world):
	world.ca.set(nonces=False)
	reply = world.acme.order(NAME)
	assert reply.status in (200, 201)
	assert "replay-nonce" not in reply.headers


def test_old_nonces(world):
	world.ca.set(nonce_life=0.2)
	world.acme.order(NAME)
	time.sleep(0.3)
	assert world.acme.order(NAME).problem == "badNonce"


# Validation.

def test_all_vantage_points_must_see_it(world):
	world.ca.set(fetches=5, tolerance=1)
	world.acme.authorize(world.acme.order(NAME))
	assert len(world.responder.hits) == 5
	world.responder.thumbprint = "wrong"
	states = world.acme.authorize(world.acme.order("mta-sts.b.test"))
	error = challenge_of(states[0], "http-01")["error"]
	assert error["type"].endswith(":unauthorized")


def test_a_failed_challenge_may_stay_pending(world):
	world.ca.set(failed_challenge="pending")
	world.responder.thumbprint = "wrong"
	order = world.acme.order(NAME)
	authz, = world.acme.authorize(order)
	challenge = challenge_of(authz, "http-01")
	assert authz["status"] == challenge["status"] == "pending"
	assert challenge["error"]["type"].endswith(":unauthorized")

	world.responder.thumbprint = world.acme.thumbprint
	world.acme.post(challenge["url"], {})
	wait_for("the second try", lambda: world.acme.post(
		order.location).json["status"] == "ready")


def test_looks_that_come_late_and_after(world):
	world.ca.set(fetch_delay=0.5, fetches=2, fetch_gap=0.1, late_fetches=3)
	began = time.monotonic()
	world.acme.authorize(world.acme.order(NAME))
	assert time.monotonic() - began >= 0.5
	wait_for("late looks", lambda: world.ca.count("late_fetches") == 3)
	assert len(world.responder.hits) == 5


def test_nobody_at_home(world):
	world.ca.set(hosts={NAME: ["127.0.0.1", free_port(), free_port()]})
	for kind in "http-01", "tls-alpn-01":
		authz, = world.acme.authorize(world.acme.order(NAME), kind)
		assert authz["status"] == "invalid"
		assert challenge_of(authz, kind)["error"]["type"].endswith(
			":connection")


# What breaks.

def test_rules_before_and_after(world):
	world.ca.rule({"fate": "drop"}, endpoint="new-order", times=1)
	with pytest.raises(Exception):
		world.acme.order(NAME)
	assert world.ca.orders() == 0
	world.ca.rule({"fate": "reset", "when": "after"},
		      endpoint="new-order", times=1)
	with pytest.raises(Exception):
		world.acme.order(NAME)
	assert world.ca.orders() == 1
	assert world.acme.order(NAME).status == 201
	assert world.ca.orders() == 1		# the same one
	assert world.ca.complaint() is None


def test_bodies_of_all_sorts(world):
	def order(**do):
		world.ca.rule(do, endpoint="new-order", times=1)
		return world.acme.order(NAME)

	reply = order(status=502, body="<html>Bad Gateway</html>")
	assert (reply.status, reply.headers["content-type"]) == \
		(502, "text/html")
	assert order(body="").body == b""
	with pytest.raises(ValueError):
		order(cut=20).json
	assert len(order(pad=10 << 20).body) == 10 << 20
	assert order(merge={"status": "ready", "finalize": None}).json[
		"status"] == "ready"
	assert order(gzip_bomb=50).headers["content-encoding"] == "gzip"
	with pytest.raises(Exception):
		order(truncate=20)


def test_links_of_all_sorts(world):
	relative = lambda: world.acme.get(world.ca.directory).json["newOrder"]
	world.ca.rule({"link_style": "relative"}, times=1)
	assert relative() == "/acme/new-order"
	world.ca.rule({"link_style": "http"}, times=1)
	assert relative().startswith("http://127.0.0.1:")
	world.ca.rule({"redirect": "https://127.0.0.1/"}, endpoint="directory")
	reply = world.acme.get(world.ca.directory)
	assert (reply.status, reply.location) == (302, "https://127.0.0.1/")


def test_delay_skip_and_share(world):
	world.ca.rule({"delay": 0.4}, skip=1, times=1, endpoint="directory")
	took = []
	for _ in range(3):
		began = time.monotonic()
		world.acme.get(world.ca.directory)
		took.append(time.monotonic() - began)
	assert took[1] >= 0.4 > max(took[0], took[2])
	world.ca.rule({"status": 500}, share=0.5, endpoint="directory")
	bad = sum(world.acme.get(world.ca.directory).status == 500
		  for _ in range(60))
	assert 15 < bad < 45


def test_mistakes_in_rules_and_settings_are_refused(world):
	for bad in ({"match": {"endpont": "order"}, "do": {}}, {"match": {}},
		    {"do": {"delays": 3}}, {"do": {"wrong": "rong"}}):
		with pytest.raises(ValueError):
			world.ca.call("POST", "/rules", bad)
	with pytest.raises(ValueError):
		world.ca.set(lifetme=60)


@pytest.mark.parametrize("net", ["refused", "reset", "blackhole"])
def test_the_network_goes_and_comes_back(world, net):
	world.ca.set(net=net)
	world.acme.hang_up()
	with pytest.raises(OSError):
		world.acme.connection = None
		began = time.monotonic()
		get_within(world, 1)
	assert (time.monotonic() - began >= 0.9) == (net == "blackhole")
	world.ca.set(net="up")
	world.acme.hang_up()
	assert world.acme.get(world.ca.directory).status == 200


def get_within(world, seconds):
	connection = HTTPSConnection("127.0.0.1", world.ca.port,
				     context=world.acme.context,
				     timeout=seconds)
	connection.request("GET", "/directory", headers={"User-Agent": "t"})
	return connection.getresponse()


@pytest.mark.parametrize("tls", ["expired", "other-name", "unknown-issuer"])
def test_https_that_must_not_be_trusted(world, tls):
	world.ca.set(tls=tls)
	with pytest.raises(OSError):
		get_within(world, 5)
	world.ca.set(tls="good")
	assert get_within(world, 5).status == 200


# Strict: each of these leaves a complaint.

def ready_order(world):
	order = world.acme.order(NAME)
	world.acme.authorize(order)
	return order


def wrong_url(world):
	world.acme.post(world.acme.directory["newOrder"], {}, url="https://x/")


def unsigned(world):
	world.acme.post(world.acme.directory["newOrder"], {}, key=new_key())


def old_nonce(world):
	nonce = world.acme.nonce
	world.acme.order(NAME)
	world.acme.nonce = nonce
	world.acme.order(NAME)


def jwk_for_kid(world):
	world.acme.post(world.acme.directory["newOrder"], {}, by="jwk")


def other_alg(world):
	world.acme.post(world.acme.directory["newOrder"], {}, alg="RS256")


def more_header(world):
	world.acme.post(world.acme.directory["newOrder"], {}, crit=["x"])


def too_early(world):
	world.acme.finalize(world.acme.order(NAME))


def too_often(world):
	order = ready_order(world)
	world.acme.finalize(order)
	world.acme.finalize(order)


def other_names(world):
	order = ready_order(world)
	world.acme.post(order.json["finalize"],
			{"csr": csr_for(new_key(), NAME, "x.test")})


def same_key_again(world):
	key = new_key()
	world.acme.issue(NAME, key=key)
	world.acme.issue(NAME, key=key)


def key_of_the_account(world):
	world.acme.finalize(ready_order(world), world.acme.key)


def plain_get(world):
	world.acme.get(world.acme.order(NAME).location)


def payload_in_get(world):
	world.acme.post(world.acme.order(NAME).location, {})


def padded(world):
	world.acme.request("POST", world.acme.directory["newOrder"],
			   '{"protected":"e30=","payload":"","signature":""}',
			   {"Content-Type": "application/jose+json"})


def no_user_agent(world):
	world.acme.request("GET", world.ca.directory,
			   headers={"User-Agent": ""})


def no_content_type(world):
	world.acme.request("POST", world.acme.directory["newOrder"], json.dumps(
		sign(new_key(), {}, {})))


def not_agreed(world):
	Acme(world.ca.directory, world.ca.trust).register(
		termsOfServiceAgreed=False)


@pytest.mark.parametrize("sin", [
	wrong_url, unsigned, old_nonce, jwk_for_kid, other_alg, more_header,
	too_early, too_often, other_names, same_key_again, key_of_the_account,
	plain_get, payload_in_get, padded, no_user_agent, no_content_type,
	not_agreed])
def test_each_sin_is_seen(world, sin):
	assert world.ca.complaint() is None
	sin(world)
	assert world.ca.complaint() is not None


# The CA's own life.

def test_restarted_it_has_its_keys_and_no_memory(world):
	def root_key():
		root = x509.load_pem_x509_certificate(
			world.ca.root().read_bytes())
		return root.public_key().public_numbers()

	chain, key = world.acme.issue(NAME), root_key()
	world.ca.restart()
	world.acme.hang_up()
	assert root_key() == key
	reply = world.acme.order(NAME)
	assert reply.problem in ("badNonce", "accountDoesNotExist")
	world.acme.register()
	again = world.acme.issue(NAME)
	assert leaf_of(again).issuer == leaf_of(chain).issuer
	assert leaf_of(again).serial_number != leaf_of(chain).serial_number


def test_several_at_once(make_ca):
	cas = [make_ca(name="Alpha CA"), make_ca(name="Beta CA")]
	roots = {ca.root().read_bytes() for ca in cas}
	assert len(roots) == 2
	names = [Acme(ca.directory, ca.trust).directory["meta"][
		"caaIdentities"] for ca in cas]
	assert names == [["alpha-ca.test"], ["beta-ca.test"]]


@pytest.mark.alone
def test_a_hundred_orders_a_second(world):
	"""By its own CPU time, for the client here is slower than it is."""
	def spent():
		with open(f"/proc/{world.ca.process.pid}/stat") as stat:
			fields = stat.read().rpartition(")")[2].split()
		return (int(fields[11]) + int(fields[12])) / os.sysconf(
			"SC_CLK_TCK")

	clients = [world.acme] + [Acme(world.ca.directory, world.ca.trust)
				  for _ in range(3)]
	for client in clients[1:]:
		client.key, client.kid = world.acme.key, world.acme.kid
	world.acme.issue(NAME)
	before = spent()
	threads = [threading.Thread(target=lambda c=c, i=i: [
		c.issue(f"n{j}.c{i}.test") for j in range(50)])
		for i, c in enumerate(clients)]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join()
	assert world.ca.issued() == 201
	assert world.ca.complaint() is None
	assert (spent() - before) / 200 < 0.010


# With the real mtastsd.

@pytest.fixture
def live(shared_rig, make_ca):
	"""mtastsd, and a fakeca that looks for it on both of its ports."""
	daemon = shared_rig.daemon(http_port=free_port())
	ca = make_ca()
	ca.stop()
	ca.http_port, ca.tls_port = daemon.http_port, daemon.https_port
	ca.start()
	daemon.use(ca, shared_rig.dns)
	yield daemon, ca, shared_rig.dns
	shared_rig.end_daemons()


def test_mtastsd_gets_and_renews_its_certificate(live, name):
	daemon, ca, dns = live
	daemon.start()
	dns.point(name)
	daemon.add(name)
	daemon.ok("cert", "renew", name, "--wait")
	serials = ca.serials(f"mta-sts.{name}")
	assert len(serials) == 2
	assert daemon.serial(name) == int(serials[-1], 16)
	assert ca.complaint() is None


def test_mtastsd_bears_bad_nonces_and_slow_orders(live, name):
	daemon, ca, dns = live
	ca.set(bad_nonce_share=0.5, processing=1, retry_after=1, latency=0.01)
	daemon.start()
	dns.point(name)
	daemon.add(name)
	assert ca.issued() == 1
	assert ca.count("bad_nonces") > 0
	assert ca.complaint() is None


def test_mtastsd_finds_its_order_again(live, name):
	"""The answer to newOrder is lost; Boulder gives the same order."""
	daemon, ca, dns = live
	lost = ca.rule({"fate": "reset", "when": "after"}, times=1,
		       endpoint="new-order")
	daemon.start()
	dns.point(name)
	daemon.add(name)
	assert ca.hits(lost) == 1
	assert ca.orders() == ca.issued() == 1
	assert ca.complaint() is None
