"""Accounts: to register, to find again, to change (RFC 8555 7.3)."""

import json

from . import jws
from .problem import Problem, Wrong
from .signed import authenticate, must_be_empty, must_have_payload
from .state import Account


def new_account(ca, request):
	authenticate(ca, request, by="jwk")
	payload = must_have_payload(request)
	thumbprint = jws.thumbprint(request.jwk)
	account = ca.by_thumbprint.get(thumbprint)
	if account:
		if account.status != "valid":
			raise Problem("unauthorized", "the account of this key "
				      f"is {account.status}")
		return show(ca, request, account, 200)
	if payload.get("onlyReturnExisting"):
		raise Problem("accountDoesNotExist", "no account has this key")
	return show(ca, request, register(ca, request, thumbprint), 201)


def register(ca, request, thumbprint):
	ca.limits.check("new-registrations", request.peer)
	payload = request.payload
	if payload.get("termsOfServiceAgreed") is not True:
		raise Wrong("malformed", "must agree to terms of service")
	account = Account(
		id=ca.number(), jwk=request.jwk, thumbprint=thumbprint,
		key=jws.public_key(request.jwk),
		contact=contacts(payload.get("contact", [])),
		agreed=request.knob("terms"), eab=bound_to(request))
	ca.limits.spend("new-registrations", request.peer)
	ca.accounts[account.id] = ca.by_thumbprint[thumbprint] = account
	ca.counts.add("accounts")
	return account


def contacts(values):
	if not isinstance(values, list):
		raise Wrong("malformed", "contact is not a list")
	for value in values:
		if not str(value).startswith("mailto:"):
			raise Wrong("unsupportedContact", f"contact {value!r}")
		if "@" not in value or "?" in value or "," in value:
			raise Wrong("invalidContact", f"contact {value!r}")
	return values


def bound_to(request):
	"""The kid of the external account, if this CA wants one (7.3.4)."""
	keys = request.knob("eab")
	binding = request.payload.get("externalAccountBinding")
	if not keys:
		return ""
	if not binding:
		raise Problem("externalAccountRequired",
			      "this CA wants an external account binding")
	inner = jws.parse(json.dumps(binding), "the binding")
	kid = inner.header.get("kid")
	if set(inner.header) != {"alg", "kid", "url"} or \
			inner.header["url"] != request.parsed().header["url"]:
		raise Wrong("malformed", f"the binding has {inner.header}")
	if jws.load(inner.payload, "the binding's payload") != request.jwk:
		raise Wrong("malformed", "the binding is of another key")
	if kid not in keys:
		raise Problem("unauthorized", f"unknown external account {kid}")
	if not jws.verify_mac(inner, jws.unb64(keys[kid], "our EAB key")):
		raise Problem("unauthorized", "the binding does not verify")
	return kid


def show(ca, request, account, status):
	body = {"status": account.status, "contact": account.contact,
		"key": account.jwk}
	if request.knob("orders_list"):
		body["orders"] = ca.url(request, f"/acme/orders/{account.id}")
	return ca.json(body, status, {"Location": ca.url(
		request, f"/acme/account/{account.id}")})


def must_be_own(request):
	if request.subject is not request.account:
		raise Wrong("unauthorized", "this is another account's")


def account(ca, request):
	authenticate(ca, request)
	must_be_own(request)
	payload = request.payload or {}
	if payload.get("termsOfServiceAgreed"):
		request.account.agreed = request.knob("terms")
	if "contact" in payload:
		request.account.contact = contacts(payload["contact"])
	if payload.get("status") == "deactivated":
		request.account.status = "deactivated"
	elif "status" in payload:
		raise Wrong("malformed", f"status {payload['status']!r}")
	return show(ca, request, request.account, 200)


def orders(ca, request):
	"""The account's orders, oldest first, page by page (7.1.2.1)."""
	authenticate(ca, request)
	must_be_empty(request)
	must_be_own(request)
	if not request.knob("orders_list"):
		raise Problem("malformed", "no such page", 404)
	live = [o for o in request.account.orders if o.state != "invalid"]
	size = request.knob("orders_per_page")
	page = request.page
	first, here = page * size, f"/acme/orders/{request.account.id}"
	headers = {}
	if len(live) > first + size:
		following = ca.url(request, f"{here}?page={page + 1}")
		headers["Link"] = [f'<{following}>;rel="next"']
	urls = [ca.url(request, f"/acme/order/{o.id}")
		for o in live[first:first + size]]
	return ca.json({"orders": urls}, 200, headers)


def key_change(ca, request):
	"""The account keeps its URL and gets another key (7.3.5)."""
	authenticate(ca, request)
	outer = request.parsed()
	if request.payload is None:
		raise Wrong("malformed", "keyChange without a payload")
	inner = jws.parse(outer.payload, "the inner request")
	if set(inner.header) != {"alg", "jwk", "url"} or \
			inner.header["url"] != outer.header["url"]:
		raise Wrong("malformed", f"the inner header is {inner.header}")
	new = jws.public_key(inner.header["jwk"])
	jws.verify(inner, new)
	claim = jws.load(inner.payload, "the inner payload")
	if claim.get("account") != outer.header["kid"] or \
			claim.get("oldKey") != request.account.jwk:
		raise Wrong("malformed", "the inner payload does not name "
			    "this account and its key")
	return roll_over(ca, request, inner.header["jwk"], new)


def roll_over(ca, request, jwk, key):
	thumbprint = jws.thumbprint(jwk)
	owner = ca.by_thumbprint.get(thumbprint)
	if owner:
		url = ca.url(request, f"/acme/account/{owner.id}")
		raise Problem("conflict", "the key is in use", 409,
			      {"Location": url})
	mine = request.account
	del ca.by_thumbprint[mine.thumbprint]
	mine.jwk, mine.key, mine.thumbprint = jwk, key, thumbprint
	ca.by_thumbprint[thumbprint] = mine
	ca.counts.add("key_changes")
	return show(ca, request, mine, 200)
