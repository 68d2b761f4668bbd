"""What the world sees of us on both ports, and what it does not."""

import socket
import ssl

import pytest

from harness.fetch import POLICY_PATH, fetch_plain


@pytest.fixture(scope="module")
def site(shared_rig):
	"""Two live domains, "out-a.test" and "out-b.test"."""
	daemon = shared_rig.daemon()
	shared_rig.daemons.remove(daemon)	# ours, longer than a story
	daemon.start()
	shared_rig.dns.point("out-a.test", "out-b.test")
	daemon.add("out-a.test", "out-b.test")
	yield daemon
	daemon.stop()


@pytest.fixture
def client(shared_rig, site):
	return shared_rig.client(site)


A, B = "mta-sts.out-a.test", "mta-sts.out-b.test"


def test_policy(client):
	reply = client.fetch(A)
	assert reply.status == 200
	assert reply.headers["content-type"] in (
		"text/plain", "text/plain; charset=utf-8")
	assert reply.headers["content-length"] == str(len(reply.body))
	assert reply.body == (b"version: STSv1\r\nmode: testing\r\n"
			      b"mx: mx.out-a.test\r\nmax_age: 604800\r\n")


def test_head_has_the_length_and_no_body(client):
	reply = client.fetch(A, method="HEAD")
	assert reply.status == 200
	assert reply.headers["content-length"] == str(len(client.fetch(A).body))
	assert reply.body == b""


def test_other_names_of_the_host(client):
	for host in A.upper(), f"{A}:443", f"{A}.":
		assert client.fetch(A, headers={"Host": host}).status == 200


@pytest.mark.parametrize("path", [
	"/", "/.well-known/", f"{POLICY_PATH}/", "/.well-known/MTA-STS.TXT",
	"/.well-known/../.well-known/mta-sts.txt", "/%00",
	"/.well-known/acme-challenge/x"])
def test_other_paths(client, path):
	assert client.fetch(A, path=path).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods(client, method):
	reply = client.fetch(A, method=method)
	assert reply.status == 405
	assert sorted(reply.headers["allow"].split(", ")) == ["GET", "HEAD"]


def test_host_unlike_the_name_in_the_handshake(client):
	assert client.fetch(A, headers={"Host": B}).status == 421
	assert client.fetch(A, headers={"Host": "unknown.test"}).status == 421


def test_headers_of_64_kib(client):
	headers = {f"X-{i}": "x" * 1000 for i in range(64)}
	try:
		reply = client.fetch(A, headers=headers)
	except OSError:
		return		# closed on us: fair as well
	assert reply.status == 431


def handshake(site, name, **versions):
	context = ssl.create_default_context()
	context.check_hostname = False
	context.verify_mode = ssl.CERT_NONE
	context.set_ciphers("ALL:@SECLEVEL=0")
	for key, value in versions.items():
		setattr(context, key, value)
	with socket.create_connection(("127.0.0.1", site.https_port), 5) as raw:
		with context.wrap_socket(raw, server_hostname=name) as s:
			return s.version()


@pytest.mark.parametrize("name", ["mta-sts.unknown.test", "out-a.test", None])
def test_unknown_and_missing_sni(site, name):
	with pytest.raises(ssl.SSLError) as caught:
		handshake(site, name)
	assert "UNRECOGNIZED_NAME" in caught.value.reason


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_tls_versions(site):
	v = ssl.TLSVersion
	with pytest.raises(ssl.SSLError) as caught:
		handshake(site, A, minimum_version=v.TLSv1_1,
			  maximum_version=v.TLSv1_1)
	assert "PROTOCOL_VERSION" in caught.value.reason
	assert handshake(site, A, minimum_version=v.TLSv1_2,
			 maximum_version=v.TLSv1_2) == "TLSv1.2"
	assert handshake(site, A) == "TLSv1.3"


@pytest.mark.parametrize("host, path, status", [
	(A, "/", 301), (A, POLICY_PATH, 301), (A.upper(), "/x?y", 301),
	("unknown.test", "/", 404), ("unknown.test", POLICY_PATH, 404),
	(A, "/.well-known/acme-challenge/nobody-knows-this-token", 404),
	("unknown.test", "/.well-known/acme-challenge/x", 404)])
def test_plain_port(site, host, path, status):
	reply = fetch_plain(site.http_port, host, path)
	assert reply.status == status
	if status == 301:
		assert reply.headers["location"].lower() == \
			f"https://{A}:{site.https_port}{path}"


def test_garbage_hurts_nobody(site, client):
	for junk in (b"\x00" * 100, b"\x16\x03\x01\xff\xff" + b"A" * 500,
		     b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 70000):
		for port in site.https_port, site.http_port:
			with socket.create_connection(("127.0.0.1", port), 5) as s:
				try:
					s.sendall(junk)
				except OSError:
					pass
	assert client.fetch(A).status == 200
