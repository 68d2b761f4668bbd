"""fakeca on its bad days: slow, wrong, strange, and strict with its clients."""

import datetime
import json
import time
from email.utils import parsedate_to_datetime
from http.client import HTTPSConnection

import pytest
from cryptography import x509

from harness.acme import (Acme, TlsResponder, challenge_of, csr_for, leaf_of,
			  new_key, sign)
from harness.process import free_port, wait_for

NAME = "mta-sts.a.test"


def test_its_date_is_its_own(world):
	def ahead():
		told = world.acme.order(NAME).headers["date"]
		return parsedate_to_datetime(told).timestamp() - time.time()

	assert -5 < ahead() < 5
	world.ca.set(clock=7200)
	assert 7195 < ahead() < 7205


# Retry-After and processing.

@pytest.mark.parametrize("told, seen", [
	(7, "7"), ("soon", "soon"), (-5, "-5"), (10**12, "1000000000000")])
def test_retry_after(world, told, seen):
	world.ca.set(retry_after=told)
	assert world.acme.order(NAME).headers["retry-after"] == seen


def test_retry_after_as_a_date(world):
	world.ca.set(retry_after={"date": 90})
	header = world.acme.order(NAME).headers["retry-after"]
	assert abs(parsedate_to_datetime(header).timestamp() - time.time() - 90) < 5
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


# Nonces.

def test_bad_nonces(world):
	world.ca.set(bad_nonce_every=2)
	kinds = [world.acme.order(NAME).status for _ in range(6)]
	assert sorted(kinds) == [201] * 3 + [400] * 3
	world.ca.set(bad_nonce_every=0, bad_nonce_share=1)
	assert world.acme.order(NAME).problem == "badNonce"
	assert world.ca.complaint() is None


def test_the_same_seed_throws_the_same_dice(make_fakeca):
	def luck(seed):
		ca = make_fakeca(seed=seed)
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


def test_tls_alpn(world):
	order = world.acme.order(NAME)
	authz = world.acme.post(order.json["authorizations"][0]).json
	wanted = f"{challenge_of(authz, 'tls-alpn-01')['token']}." \
		f"{world.acme.thumbprint}"
	responder = TlsResponder(world.ca.tls_port, NAME, wanted)
	states = world.acme.authorize(order, "tls-alpn-01")
	responder.close()
	assert states[0]["status"] == "valid"
	assert world.responder.hits == []


@pytest.mark.parametrize("change", ["name", "digest", "critical", "alpn"])
def test_tls_alpn_is_strict(world, change):
	order = world.acme.order(NAME)
	authz = world.acme.post(order.json["authorizations"][0]).json
	wanted = f"{challenge_of(authz, 'tls-alpn-01')['token']}." \
		f"{world.acme.thumbprint}"
	responder = TlsResponder(world.ca.tls_port, NAME, wanted, change)
	state, = world.acme.authorize(order, "tls-alpn-01")
	responder.close()
	assert state["status"] == "invalid"


@pytest.mark.parametrize("location, status", [
	("http://other.test/.well-known/acme-challenge/{token}", "valid"),
	("http://{name}/loop", "invalid"),
	("http://{name}:8080/", "invalid")])
def test_redirects_are_followed_to_an_end(world, location, status):
	def where(host, path):
		token = path.rpartition("/")[2]
		return location.format(name=host, token=token) \
			if host == NAME else None

	world.responder.redirect = where
	state, = world.acme.authorize(world.acme.order(NAME))
	assert state["status"] == status


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


@pytest.mark.parametrize("when, orders", [("before", 0), ("after", 1)])
def test_a_request_that_is_never_answered(world, when, orders):
	world.acme.hang_up()
	world.acme.timeout = 1
	world.ca.rule({"fate": "blackhole", "when": when}, name=NAME)
	with pytest.raises(TimeoutError):
		world.acme.order(NAME)
	assert world.ca.orders() == orders


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


