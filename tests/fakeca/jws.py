"""JSON Web Signatures as ACME wants them (RFC 7515, RFC 8555 6.2): strict.

A client that pads its base64url or invents a header field works with one CA
and fails at the next, so here everything that is not in the RFC is refused.
"""

import hashlib
import hmac
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
	encode_dss_signature)

from .problem import Wrong

ES256 = ec.ECDSA(hashes.SHA256())
B64URL = re.compile(r"[A-Za-z0-9_-]*\Z")


@dataclass
class Jws:
	header: dict
	payload: bytes
	signature: bytes
	signed: bytes		# what the signature is of


def b64(data):
	return urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text, what):
	if not isinstance(text, str) or not B64URL.match(text) or \
			len(text) % 4 == 1:
		raise Wrong("malformed", f"{what} is not base64url")
	return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def load(text, what):
	try:
		value = json.loads(text)
	except ValueError as error:
		raise Wrong("malformed", f"{what} is not JSON: {error}")
	if not isinstance(value, dict):
		raise Wrong("malformed", f"{what} is not a JSON object")
	return value


def parse(body, what="the request"):
	"""A flattened JWS, not yet verified."""
	outer = load(body, what)
	if set(outer) != {"protected", "payload", "signature"}:
		raise Wrong("malformed", f"{what} has the members "
			    f"{sorted(outer)}")
	header = load(unb64(outer["protected"], "protected"), "protected")
	payload = unb64(outer["payload"], "payload")
	signature = unb64(outer["signature"], "signature")
	signed = f"{outer['protected']}.{outer['payload']}".encode()
	return Jws(header, payload, signature, signed)


def public_key(jwk):
	"""The key of a JWK: P-256, with the members that RFC 7518 gives it."""
	if not isinstance(jwk, dict) or jwk.get("kty") != "EC" or \
			jwk.get("crv") != "P-256":
		raise Wrong("badPublicKey", "the key is not EC P-256")
	x, y = (unb64(jwk.get(part), part) for part in "xy")
	if len(x) != 32 or len(y) != 32:
		raise Wrong("badPublicKey", "a coordinate has not 32 bytes")
	try:
		return ec.EllipticCurvePublicKey.from_encoded_point(
			ec.SECP256R1(), b"\x04" + x + y)
	except ValueError:
		raise Wrong("badPublicKey", "the point is not on the curve")


def thumbprint(jwk):
	"""RFC 7638: of the required members, sorted."""
	text = json.dumps({k: jwk[k] for k in ("crv", "kty", "x", "y")},
			  separators=(",", ":"), sort_keys=True)
	return b64(hashlib.sha256(text.encode()).digest())


def verify(jws, key):
	if jws.header.get("alg") != "ES256":
		raise Wrong("badSignatureAlgorithm",
			    f"alg is {jws.header.get('alg')!r}",
			    algorithms=["ES256"])
	if len(jws.signature) != 64:
		raise Wrong("malformed", "the signature has not 64 bytes")
	r, s = (int.from_bytes(half, "big") for half in
		(jws.signature[:32], jws.signature[32:]))
	try:
		key.verify(encode_dss_signature(r, s), jws.signed, ES256)
	except InvalidSignature:
		raise Wrong("malformed", "the signature does not verify")


def verify_mac(jws, key):
	"""The inner signature of an external account binding (RFC 8555 7.3.4)."""
	if jws.header.get("alg") != "HS256":
		raise Wrong("badSignatureAlgorithm", "EAB is not HS256",
			    algorithms=["HS256"])
	wanted = hmac.digest(key, jws.signed, "sha256")
	return hmac.compare_digest(wanted, jws.signature)
