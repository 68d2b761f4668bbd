"""The control port: plain HTTP and JSON, on loopback.

	GET    /settings		all of them
	PATCH  /settings		{"key": value}; a table row by row
	GET    /rules			POST adds one, DELETE (/rules/ID) takes away
	GET    /counts			see counts.py and limits.py
	GET    /complaints		what the client did wrong, in order
	GET    /log[?name=N]		the last requests
	GET    /certificates[?name=N]
	GET    /orders[?name=N]
	GET    /root			PEM
	POST   /revoke			{"serial"|"name"|"all", "reason",
					"explanation"}
	POST   /forget			{"what": "accounts"|"everything"}
	POST   /deactivate		{"account": ID}, or all of them
"""

import json
import time
from urllib.parse import parse_qs, urlsplit

from . import effects, pki, revoke, settings
from .issue import settle_all
from .server import Reply


class Control:
	def __init__(self, ca, listener):
		self.ca = ca
		self.listener = listener	# the CA's, not ours

	def answer(self, request):
		url = urlsplit(request.path)
		words = url.path.strip("/").split("/")
		query = {k: v[0] for k, v in parse_qs(url.query).items()}
		handler = HANDLERS.get((request.method, words[0]))
		settle_all(self.ca)
		try:
			if handler is None:
				raise LookupError(f"no {request.method} of "
						  f"{request.path}")
			body = json.loads(request.body or b"{}")
			return reply(200, handler(self, body, query, words))
		except (ValueError, LookupError, TypeError) as error:
			return reply(400, {"error": repr(error)})

	def get_settings(self, *_):
		return self.ca.settings

	def patch_settings(self, body, *_):
		settings.change(self.ca.settings, body)
		self.listener.set_net(self.ca.settings["net"])
		return self.ca.settings

	def get_rules(self, *_):
		return self.ca.rules.view()

	def post_rules(self, body, *_):
		knobs = {k: v for k, v in body.get("do", {}).items()
			 if k in settings.DEFAULTS and k not in effects.KEYS}
		for key, value in knobs.items():
			settings.check(key, value)
		return {"id": self.ca.rules.add(body)}

	def delete_rules(self, _body, _query, words):
		self.ca.rules.remove(int(words[1]) if len(words) > 1 else None)
		return {}

	def get_counts(self, *_):
		return self.ca.counts.view() | {
			"breaches": self.ca.limits.breaches,
			"first_breach": self.ca.limits.first_breach,
			"connections": self.listener.accepted,
		}

	def get_complaints(self, *_):
		return self.ca.counts.complaints

	def get_log(self, _body, query, _words):
		return self.ca.counts.view_log(query.get("name"))

	def get_certificates(self, _body, query, _words):
		return [show_cert(c) for c in
			of_name(self.ca.certs, query.get("name"))]

	def get_orders(self, _body, query, _words):
		return [show_order(o) for o in
			of_name(self.ca.orders, query.get("name"))]

	def get_root(self, *_):
		return {"pem": pki.pem(self.ca.issuer.root).decode()}

	def post_revoke(self, body, *_):
		if not {"serial", "name", "all"} & set(body):
			raise ValueError("revoke which?")
		chosen = [c for c in of_name(self.ca.certs, body.get("name"))
			  if body.get("serial") in (None, c.serial) and
			  not c.revoked_at and c.not_after > time.time()]
		for cert in chosen:
			revoke.revoke(self.ca, cert, body.get("reason", 0),
				      body.get("explanation", ""))
		return {"revoked": len(chosen)}

	def post_forget(self, body, *_):
		{"accounts": self.ca.forget_accounts,
		 "everything": self.ca.forget}[body["what"]]()
		return {}

	def post_deactivate(self, body, *_):
		chosen = body.get("account")
		for account in self.ca.accounts.values():
			if chosen in (None, account.id):
				account.status = "deactivated"
		return {}


def of_name(table, name):
	return [thing for thing in table.values()
		if name is None or name in thing.names]


def show_cert(cert):
	return {"serial": cert.serial, "cert_id": cert.cert_id,
		"names": cert.names, "account": cert.account.id,
		"not_before": cert.not_before, "not_after": cert.not_after,
		"revoked_at": cert.revoked_at, "reason": cert.reason,
		"is_replaced": cert.is_replaced}


def show_order(order):
	return {"id": order.id, "names": order.names, "status": order.state,
		"account": order.account.id, "profile": order.profile,
		"replaces": order.replaces.serial if order.replaces else None,
		"certificate": order.certificate.serial
		if order.certificate else None}


def reply(status, body):
	return Reply(status, json.dumps(body).encode(),
		     {"Content-Type": "application/json"})


HANDLERS = {
	("GET", "settings"): Control.get_settings,
	("PATCH", "settings"): Control.patch_settings,
	("GET", "rules"): Control.get_rules,
	("POST", "rules"): Control.post_rules,
	("DELETE", "rules"): Control.delete_rules,
	("GET", "counts"): Control.get_counts,
	("GET", "complaints"): Control.get_complaints,
	("GET", "log"): Control.get_log,
	("GET", "certificates"): Control.get_certificates,
	("GET", "orders"): Control.get_orders,
	("GET", "root"): Control.get_root,
	("POST", "revoke"): Control.post_revoke,
	("POST", "forget"): Control.post_forget,
	("POST", "deactivate"): Control.post_deactivate,
}
