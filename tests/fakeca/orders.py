"""Orders, from newOrder to the certificate (RFC 8555 7.4), as Boulder does."""

import re
import time

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from . import ari, caa, pki
from .issue import settle
from .jws import unb64
from .limits import registered_domain
from .problem import Problem, Wrong
from .server import Reply
from .signed import authenticate, must_be_empty, must_have_payload
from .state import Authz, Challenge, Order
from .times import iso

NAME = re.compile(r"(?!.{254})([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+"
		  r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
RENEWAL_LOOK_BACK = 120 * 86400		# Boulder's, for the same names
NOT_IN_BOULDER = ("notBefore", "notAfter")


def names_in(payload):
	"""What newOrder asks for, or an empty list if that is not clear."""
	wanted = payload.get("identifiers") if isinstance(payload, dict) else []
	return [i["value"] for i in wanted if isinstance(i, dict) and
		isinstance(i.get("value"), str)] \
		if isinstance(wanted, list) else []


def new_order(ca, request):
	authenticate(ca, request)
	payload = must_have_payload(request)
	names = checked_names(payload)
	profile = checked_profile(request, payload.get("profile"))
	refuse_paused(request, names)
	replaced = replaced_cert(ca, request, payload.get("replaces"), names)
	order = reusable(ca, request, names, profile)
	if order:
		ca.counts.add("orders_reused", names)
		return show(ca, request, order, 201)
	spend_limits(ca, request, names, replaced)
	order = make(ca, request, names, profile, replaced)
	ca.counts.add("orders", names)
	return show(ca, request, order, 201)


def checked_names(payload):
	wanted = payload.get("identifiers")
	names = names_in(payload)
	if not names or len(names) != len(wanted) or len(names) > 100:
		raise Wrong("malformed", "identifiers are missing or odd")
	if any(i.get("type") != "dns" for i in wanted):
		raise Wrong("unsupportedIdentifier", "only dns")
	for name in names:
		if not NAME.match(name):
			raise Wrong("rejectedIdentifier", f"{name!r} is no name")
	for key in NOT_IN_BOULDER:
		if key in payload:
			raise Wrong("malformed", f"{key} is not supported")
	if len(set(names)) != len(names):
		raise Wrong("malformed", "a name comes twice")
	return sorted(names)


def checked_profile(request, profile):
	if profile is None:
		return ""
	if profile not in request.knob("profiles"):
		raise Problem("invalidProfile", f"no profile {profile!r}")
	return profile


def refuse_paused(request, names):
	for name in names:
		kind = request.knob("paused").get(name)
		if kind:
			portal = request.knob("portal")
			raise Problem(kind, "Your account is temporarily "
				      "prevented from requesting certificates "
				      f"for {name} and possibly others. Please "
				      f"visit: {portal}?jwt=abc")


def replaced_cert(ca, request, cert_id, names):
	"""The certificate that the order says it replaces (RFC 9773 5)."""
	if cert_id is None:
		return None
	if not isinstance(cert_id, str) or cert_id.count(".") != 1:
		raise Wrong("malformed", f"replaces is {cert_id!r}")
	cert = ca.by_cert_id.get(cert_id)
	if cert is None:
		raise Problem("malformed", "replaces: no such certificate", 404)
	if cert.account is not request.account:
		raise Problem("unauthorized", "requester account did not "
			      "request the certificate being replaced")
	if not set(names) & set(cert.names):
		raise Wrong("malformed", "replaces: no name in common")
	if cert.is_replaced:
		raise Problem("alreadyReplaced", "cannot indicate an order "
			      f"replaces certificate with serial {cert.serial}"
			      ", which already has a replacement order")
	return cert


def reusable(ca, request, names, profile):
	order = ca.reusable.get((request.account.id, tuple(names), profile))
	if request.knob("order_reuse") and order and \
			order.state in ("pending", "ready"):
		return order
	return None


def spend_limits(ca, request, names, replaced):
	"""What Boulder asks its buckets: renewals are free of most."""
	if replaced and ari.is_in_window(replaced, ca.settings["ari_windows"]):
		ca.counts.add("orders_exempt", names)
		return
	account = request.account.id
	for name in names:
		ca.limits.check("failed-authorizations", f"{name} {account}")
	ca.limits.check("duplicates", " ".join(names))
	issued = ca.last_issued.get(tuple(names), 0)
	if issued and time.time() - issued < RENEWAL_LOOK_BACK:
		return
	for domain in {registered_domain(name) for name in names}:
		ca.limits.check("certificates-per-domain", domain)
	ca.limits.take("new-orders", account)


def make(ca, request, names, profile, replaced):
	account = request.account
	order = Order(
		id=ca.number(), account=account, names=names, profile=profile,
		authzs=[authz_for(ca, request, name) for name in names],
		expires=time.time() + request.knob("order_life"),
		replaces=replaced)
	order.expires = min([order.expires] +
			    [authz.expires for authz in order.authzs])
	ca.orders[order.id] = order
	ca.reusable[account.id, tuple(names), profile] = order
	account.orders.append(order)
	if replaced:
		replaced.replaced_by = order
	return order


def authz_for(ca, request, name):
	"""A valid one of this account is used again, a pending one is not."""
	known = ca.valid_authz.get((request.account.id, name))
	if known and known.state == "valid" and request.knob("authz_reuse"):
		ca.counts.add("authzs_reused", [name])
		return known
	token = ca.token()
	authz = Authz(ca.number(), request.account, name, token,
		      time.time() + request.knob("authz_life"),
		      {kind: Challenge(kind)
		       for kind in request.knob("challenges")})
	ca.authzs[authz.id] = authz
	return authz


def show(ca, request, order, status=200):
	settle(ca, order)
	base = f"/acme/order/{order.id}"
	headers = {"Location": ca.url(request, base)} if status == 201 else {}
	if order.state in ("pending", "processing"):
		headers |= ca.wait_header(request)
	return ca.json(describe(ca, request, order), status, headers)


def describe(ca, request, order):
	body = {
		"status": order.state, "expires": iso(order.expires),
		"identifiers": [{"type": "dns", "value": name}
				for name in order.names],
		"authorizations": [ca.url(request, f"/acme/authz/{a.id}")
				   for a in order.authzs],
		"finalize": ca.url(request, f"/acme/finalize/{order.id}"),
	}
	if order.profile:
		body["profile"] = order.profile
	if order.replaces:
		body["replaces"] = order.replaces.cert_id
	if order.error:
		body["error"] = order.error
	if order.certificate:
		body["certificate"] = ca.url(
			request, f"/acme/cert/{order.certificate.serial}")
	return body


def own_subject(request):
	if request.subject is None:
		raise Problem("malformed", f"no such {request.endpoint}", 404)
	if request.subject.account is not request.account:
		raise Problem("unauthorized",
			      f"this {request.endpoint} is another account's")
	return request.subject


def order(ca, request):
	authenticate(ca, request)
	must_be_empty(request)
	return show(ca, request, own_subject(request))


def finalize(ca, request):
	authenticate(ca, request)
	found = own_subject(request)
	settle(ca, found)
	if found.state != "ready":
		kind = Problem if found.state == "invalid" else Wrong
		raise kind("orderNotReady", f"order {found.id} of "
			   f"{found.names} is {found.state}")
	csr = checked_csr(must_have_payload(request), found)
	check_key(ca, request, found, csr.public_key())
	recheck_caa(ca, request, found)
	ca.counts.add("finalizes", found.names)
	begin(ca, request, found, csr)
	headers = {"Location": ca.url(request, f"/acme/order/{found.id}")}
	reply = show(ca, request, found)
	reply.headers |= headers
	return reply


def checked_csr(payload, found):
	try:
		csr = x509.load_der_x509_csr(unb64(payload.get("csr"), "csr"))
		names = csr.extensions.get_extension_for_class(
			x509.SubjectAlternativeName).value
	except (ValueError, x509.ExtensionNotFound) as error:
		raise Wrong("badCSR", f"cannot read it: {error}")
	if not csr.is_signature_valid:
		raise Wrong("badCSR", "its signature does not verify")
	dns = names.get_values_for_type(x509.DNSName)
	common = [a.value for a in csr.subject.get_attributes_for_oid(
		x509.NameOID.COMMON_NAME)]
	if len(dns) != len(list(names)) or sorted(dns) != found.names or \
			not set(common) <= set(dns):
		raise Wrong("badCSR", f"it is for {dns} {common}, the order "
			    f"for {found.names}")
	return csr


def check_key(ca, request, found, key):
	"""A new key in each order, and never one that is compromised."""
	if not isinstance(key, ec.EllipticCurvePublicKey) or \
			key.curve.name != "secp256r1":
		raise Wrong("badCSR", "the key is not P-256")
	raw = pki.spki(key)
	if raw == pki.spki(request.account.key):
		raise Wrong("badCSR", "the key is that of the account")
	if raw in ca.blocked_keys:
		raise Wrong("badPublicKey", "the key is known as compromised")
	if ca.key_owner.setdefault(raw, found) is not found:
		ca.counts.complain("finalize", f"the key of order "
				   f"{ca.key_owner[raw].id} comes again in "
				   f"order {found.id}")


def recheck_caa(ca, request, found):
	"""Boulder looks again when the validation is some hours old."""
	for authz in found.authzs:
		if time.time() - authz.validated < request.knob("caa_recheck"):
			continue
		caa.check(ca, request, authz.name, request.account, None)


def begin(ca, request, found, csr):
	"""From here it is processed, and settle() ends it."""
	if request.knob("issue") == "stay-ready":
		raise Problem("serverInternal", "finalize failed")
	profile = request.knob("profiles").get(found.profile, {})
	found.request = csr
	found.plan = {key: request.knob(key) for key in
		      ("issue", "issue_problem", "wrong", "backdate")}
	found.plan["lifetime"] = profile.get("lifetime") or \
		request.knob("lifetime")
	wait = request.knob("processing")
	found.done_at = float("inf") if wait == "forever" else \
		time.time() + wait
	found.status = "processing"
	ca.processing[found.id] = found


def cert(ca, request):
	authenticate(ca, request)
	must_be_empty(request)
	found = own_subject(request)
	return Reply(200, found.chain, {
		"Content-Type": "application/pem-certificate-chain"})
