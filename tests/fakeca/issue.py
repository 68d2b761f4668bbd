"""Issuance: the end of an order, well or otherwise.

Wrong certificates, of six kinds, are issued and counted like good ones: it is
for the client to see that they are not what it ordered.
"""

import time

from cryptography.hazmat.primitives.asymmetric import ec

from . import pki
from .limits import registered_domain
from .problem import Problem
from .state import Certificate

HOUR = 3600
JUNK = (b"-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n"
	b"-----END CERTIFICATE-----\nand a line of no meaning\n")


def settle(ca, order):
	"""Ends an order that has been processed long enough."""
	if order.status != "processing" or time.time() < order.done_at:
		return
	ca.processing.pop(order.id, None)
	if order.plan["issue"] == "invalid":
		order.status = "invalid"
		order.error = Problem(order.plan["issue_problem"],
				      "issuance failed").document()
		return
	order.certificate = issue(ca, order)
	order.status = "valid"


def settle_all(ca):
	"""Nobody may have asked; the certificate is there all the same."""
	for order in list(ca.processing.values()):
		settle(ca, order)


def issue(ca, order):
	names, key = order.names, order.request.public_key()
	wrong = order.plan["wrong"]
	start, end = life_of(order.plan, wrong)
	if wrong == "other-key":
		key = ec.generate_private_key(ec.SECP256R1()).public_key()
	serial = ca.serial()
	leaf = ca.issuer.issue(
		[f"wrong.{n}" for n in names] if wrong == "other-name"
		else names, key, serial, start, end)
	cert = Certificate(f"{serial:x}", ca.issuer.cert_id(serial), names,
			   order.account, pki.der(leaf), chain(ca, leaf, wrong),
			   pki.spki(key), start, end)
	remember(ca, cert)
	return cert


def life_of(plan, wrong):
	"""(notBefore, notAfter), backdated a little as public CAs do."""
	now, life = int(time.time()), plan["lifetime"]
	back = plan["backdate"]
	start = now - (int(min(HOUR, life / 100)) if back is None else back)
	if wrong == "expired":
		return now - life - 60, now - 60
	if wrong == "not-yet-valid":
		return now + HOUR, now + HOUR + life
	return start, start + life


def chain(ca, leaf, wrong):
	text = pki.pem(leaf)
	if wrong != "no-chain":
		text += ca.issuer.chain
	return text + JUNK if wrong == "junk" else text


def remember(ca, cert):
	ca.certs[cert.serial] = ca.by_cert_id[cert.cert_id] = cert
	ca.counts.add("certificates", cert.names)
	for name in cert.names:
		ca.counts.serials[name].append(cert.serial)
	ca.last_issued[tuple(cert.names)] = time.time()
	ca.limits.spend("duplicates", " ".join(cert.names))
	for domain in {registered_domain(name) for name in cert.names}:
		ca.limits.spend("certificates-per-domain", domain)
