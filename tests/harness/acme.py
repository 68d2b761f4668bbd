"""A small ACME client, for what mtastsd would never send.

It does what it is told and judges nothing: a status that was not expected is
for the story to see.
"""

import datetime
import hashlib
import hmac
import json
import socket
import ssl
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
	decode_dss_signature)

from fakeca.jws import b64, thumbprint, unb64
from fakeca.validate import ACME_IDENTIFIER

from .process import wait_for

SHA256 = hashes.SHA256()
PEM = serialization.Encoding.PEM


@dataclass
class Reply:
	status: int
	headers: dict		# names in lower case
	body: bytes

	@property
	def json(self):
		return json.loads(self.body)

	@property
	def problem(self):
		"""The kind of the problem, without its prefix."""
		return self.json["type"].rpartition(":")[2]

	@property
	def location(self):
		return self.headers["location"]


def new_key():
	return ec.generate_private_key(ec.SECP256R1())


def jwk_of(key):
	numbers = key.public_key().public_numbers()
	return {"kty": "EC", "crv": "P-256",
		"x": b64(numbers.x.to_bytes(32, "big")),
		"y": b64(numbers.y.to_bytes(32, "big"))}


def sign(key, header, payload):
	"""A JWS. The payload is an object, or "" as it stands."""
	text = payload if isinstance(payload, str) else json.dumps(payload)
	first = b64(json.dumps(header).encode())
	second = b64(text.encode())
	r, s = decode_dss_signature(key.sign(f"{first}.{second}".encode(),
					     ec.ECDSA(SHA256)))
	raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
	return {"protected": first, "payload": second, "signature": b64(raw)}


def bind(kid, mac_key, url, jwk):
	"""An external account binding (RFC 8555 7.3.4)."""
	first = b64(json.dumps({"alg": "HS256", "kid": kid,
				"url": url}).encode())
	second = b64(json.dumps(jwk).encode())
	mac = hmac.digest(unb64(mac_key, "key"), f"{first}.{second}".encode(),
			  "sha256")
	return {"protected": first, "payload": second, "signature": b64(mac)}


def csr_for(key, *names):
	sans = x509.SubjectAlternativeName([x509.DNSName(n) for n in names])
	csr = (x509.CertificateSigningRequestBuilder()
	       .subject_name(x509.Name([])).add_extension(sans, False)
	       .sign(key, SHA256))
	return b64(csr.public_bytes(serialization.Encoding.DER))


class Acme:
	"""An account's worth of client. `key` and `kid` can be changed."""

	def __init__(self, directory, trust):
		self.context = ssl.create_default_context(cafile=trust)
		self.connection = None
		self.timeout = 10
		self.key = new_key()
		self.kid = None
		self.nonce = None
		self.directory = self.get(directory).json

	@property
	def thumbprint(self):
		return thumbprint(jwk_of(self.key))

	def request(self, method, url, body=None, headers=None):
		at = urlsplit(url)
		if self.connection is None:
			self.connection = HTTPSConnection(
				at.netloc, context=self.context,
				timeout=self.timeout)
		lines = {"User-Agent": "test"} | (headers or {})
		target = at.path + (f"?{at.query}" if at.query else "")
		try:
			self.connection.request(method, target, body, lines)
			reply = self.connection.getresponse()
			text = reply.read()
		except Exception:
			self.hang_up()
			raise
		headers = {k.lower(): v for k, v in reply.getheaders()}
		self.nonce = headers.get("replay-nonce", self.nonce)
		return Reply(reply.status, headers, text)

	def hang_up(self):
		if self.connection:
			self.connection.close()
		self.connection = None

	def get(self, url):
		return self.request("GET", url)

	def post(self, url, payload="", /, key=None, by="kid", **changes):
		"""`by` is "kid" or "jwk"; `changes` are of the header."""
		if self.nonce is None:
			self.request("HEAD", self.directory["newNonce"])
		key = key or self.key
		header = {"alg": "ES256", "nonce": self.nonce, "url": url,
			  by: self.kid if by == "kid" else jwk_of(key)}
		body = json.dumps(sign(key, header | changes, payload))
		self.nonce = None
		return self.request("POST", url, body, {
			"Content-Type": "application/jose+json"})

	# Whole steps.

	def register(self, **payload):
		reply = self.post(self.directory["newAccount"], {
			"termsOfServiceAgreed": True, **payload}, by="jwk")
		self.kid = reply.headers.get("location")
		return reply

	def order(self, *names, **payload):
		return self.post(self.directory["newOrder"], {
			"identifiers": [{"type": "dns", "value": name}
					for name in names], **payload})

	def authorize(self, order, kind="http-01", seconds=10):
		"""Asks for validation of all names; their last states."""
		return [self._authorize(url, kind, seconds)
			for url in order.json["authorizations"]]

	def _authorize(self, url, kind, seconds):
		authz = self.post(url).json
		if authz["status"] != "pending":
			return authz
		chosen = challenge_of(authz, kind)
		self.post(chosen["url"], {})

		def decided():
			now = self.post(url).json
			is_open = now["status"] == "pending" and \
				"error" not in challenge_of(now, kind)
			return None if is_open else now

		return wait_for("authorization", decided, seconds, 0.01)

	def finalize(self, order, key=None):
		names = [i["value"] for i in order.json["identifiers"]]
		return self.post(order.json["finalize"], {
			"csr": csr_for(key or new_key(), *names)})

	def issue(self, *names, key=None, **payload):
		"""From newOrder to the chain, as bytes."""
		order = self.order(*names, **payload)
		self.authorize(order)
		done = self.finalize(order, key)
		return self.post(done.json["certificate"]).body


def leaf_of(chain):
	"""The first certificate of a chain in PEM."""
	return x509.load_pem_x509_certificate(chain)


def challenge_of(authz, kind):
	return next(c for c in authz["challenges"] if c["type"] == kind)


class Responder:
	"""Port 80 of everybody: answers every token for one thumbprint.

	hits	(the asking address, the Host) of each look
	redirect	where a (Host, path) leads to; None is nowhere else
	"""

	def __init__(self, port, thumbprint):
		self.hits = []
		self.redirect = lambda host, path: None
		outer = self

		class Handler(BaseHTTPRequestHandler):
			def do_GET(self):
				outer.hits.append((self.client_address[0],
						   self.headers["Host"]))
				leads_to = outer.redirect(self.headers["Host"],
							  self.path)
				if leads_to:
					self.send_response(302)
					self.send_header("Location", leads_to)
					self.end_headers()
					return
				token = self.path.rpartition("/")[2]
				body = f"{token}.{outer.thumbprint}".encode()
				self.send_response(200)
				self.send_header("Content-Length", len(body))
				self.end_headers()
				self.wfile.write(body)

			def log_message(self, *_):
				pass

		self.thumbprint = thumbprint
		self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
		Thread(target=self._server.serve_forever, daemon=True).start()

	def close(self):
		self._server.shutdown()
		self._server.server_close()


class TlsResponder:
	"""Port 443 of everybody: tls-alpn-01 (RFC 8737), for one token.

	`change` may be told what is wrong with it: "name", "digest",
	"critical" or "alpn".
	"""

	def __init__(self, port, name, key_authorization, change=None):
		context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		context.set_alpn_protocols(
			["http/1.1" if change == "alpn" else "acme-tls/1"])
		with tempfile.NamedTemporaryFile() as file:
			file.write(proof(name, key_authorization, change))
			file.flush()
			context.load_cert_chain(file.name)
		self._context = context
		self._listener = socket.create_server(("127.0.0.1", port))
		Thread(target=self._serve, daemon=True).start()

	def _serve(self):
		with suppress(OSError):
			while True:
				sock, _ = self._listener.accept()
				with suppress(OSError), self._context.wrap_socket(
						sock, server_side=True) as tls:
					tls.recv(1)

	def close(self):
		self._listener.shutdown(socket.SHUT_RDWR)
		self._listener.close()


def proof(name, key_authorization, change):
	"""Key and challenge certificate, as PEM."""
	digest = hashlib.sha256(key_authorization.encode()).digest()
	if change == "digest":
		digest = bytes(32)
	if change == "name":
		name = f"other.{name}"
	key, subject = new_key(), x509.Name([])
	now = datetime.datetime.utcnow()
	cert = (x509.CertificateBuilder().subject_name(subject)
		.issuer_name(subject).public_key(key.public_key())
		.serial_number(1).not_valid_before(now)
		.not_valid_after(now + datetime.timedelta(days=1))
		.add_extension(x509.SubjectAlternativeName(
			[x509.DNSName(name)]), True)
		.add_extension(x509.UnrecognizedExtension(
			ACME_IDENTIFIER, b"\x04\x20" + digest),
			change != "critical").sign(key, SHA256))
	return cert.public_bytes(PEM) + key.private_bytes(
		PEM, serialization.PrivateFormat.PKCS8,
		serialization.NoEncryption())


class World:
	"""A CA, an account there, and somebody who answers its challenges."""

	def __init__(self, ca):
		self.ca = ca
		self.acme = Acme(ca.directory, ca.trust)
		self.acme.register()
		self.responder = Responder(ca.http_port, self.acme.thumbprint)

	def stranger(self):
		"""Another account at the same CA."""
		other = Acme(self.ca.directory, self.ca.trust)
		other.register()
		return other
