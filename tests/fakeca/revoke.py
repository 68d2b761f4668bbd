"""Revocation (RFC 8555 7.6): by the account, or by the certificate's key."""

import time

from cryptography import x509

from . import jws, pki
from .problem import Problem, Wrong
from .server import Reply
from .signed import authenticate, must_have_payload

REASONS = (0, 1, 3, 4, 5)	# those that Let's Encrypt leaves to clients
KEY_COMPROMISE = 1


def cert_in(ca, payload):
	"""The certificate that a request is about, or None."""
	try:
		leaf = x509.load_der_x509_certificate(
			jws.unb64(payload.get("certificate"), "certificate"))
	except (ValueError, Problem):
		return None
	cert = ca.certs.get(f"{leaf.serial_number:x}")
	return cert if cert and cert.der == pki.der(leaf) else None


def revoke_cert(ca, request):
	authenticate(ca, request, by="either")
	cert = cert_in(ca, must_have_payload(request))
	if cert is None:
		raise Problem("malformed", "no such certificate", 404)
	reason = request.payload.get("reason", 0)
	if reason not in REASONS:
		raise Wrong("badRevocationReason", f"reason {reason!r}")
	is_by_key = request.jwk is not None
	if is_by_key and pki.spki(jws.public_key(request.jwk)) != cert.spki:
		raise Wrong("unauthorized", "this key is not the certificate's")
	if not is_by_key and not may_revoke(ca, request.account, cert):
		raise Problem("unauthorized", "not your certificate")
	if cert.revoked_at:
		raise Problem("alreadyRevoked", "it is revoked already")
	revoke(ca, cert, reason)
	if is_by_key and reason == KEY_COMPROMISE:
		ca.blocked_keys.add(cert.spki)
	return Reply(200)


def may_revoke(ca, account, cert):
	"""Who got it may, and who is authorized for all its names today."""
	authzs = [ca.valid_authz.get((account.id, n)) for n in cert.names]
	return cert.account is account or all(
		a and a.state == "valid" for a in authzs)


def revoke(ca, cert, reason, explanation=""):
	cert.revoked_at = time.time()
	cert.reason = reason
	cert.explanation = explanation
	ca.counts.add("revocations", cert.names)
