"""The CA: all that it knows, and the way of a request through it."""

import json
import traceback

from . import accounts, ari, authzs, effects, orders, revoke, settings
from .call import Call
from .counts import Counts
from .dice import Dice
from .jws import b64
from .limits import Limits
from .nonces import Nonces
from .pki import Issuer
from .problem import Problem, Wrong
from .rules import Rules
from .server import Reply
from .signed import account_id
from .times import retry_after

MATCH = ("endpoint", "method", "path", "name", "account", "serial",
	 "profile")


class CA:
	"""`name` is its issuer's CN. With the same seed it has the same keys;
	`life` counts its restarts, so that no serial comes twice."""

	def __init__(self, name, seed, validate_at, life=0):
		self.name = name
		self.validate_at = validate_at	# address, http and tls port
		self.dice = Dice(f"{seed}/{name}/{life}")
		self.issuer = Issuer(name, seed)
		self.settings = settings.defaults()
		self.settings["caa_identities"] = [
			f"{name.lower().replace(' ', '-')}.test"]
		knobs = set(self.settings) - settings.NOT_PER_REQUEST
		self.rules = Rules(MATCH, set(effects.KEYS) | knobs,
				   self.dice["rules"])
		self.counts = Counts()
		self.limits = Limits(self.settings)
		self.nonces = Nonces()
		self._number = life * 1000000
		self.forget()

	def forget(self):
		"""As a CA whose database was wiped. Its keys remain."""
		self.accounts = {}		# by id
		self.by_thumbprint = {}
		self.authzs = {}
		self.orders = {}
		self.certs = {}			# by serial
		self.by_cert_id = {}
		self.reusable = {}		# (account, names, profile)
		self.valid_authz = {}		# (account, name)
		self.processing = {}
		self.last_issued = {}		# names -> when
		self.key_owner = {}		# leaf key -> order
		self.blocked_keys = set()

	def forget_accounts(self):
		self.accounts.clear()
		self.by_thumbprint.clear()

	# What handlers ask for.

	def number(self):
		self._number += 1
		return str(self._number)

	def token(self):
		return b64(self.dice["token"].randbytes(32))

	def serial(self):
		"""18 bytes as Let's Encrypt's; some have a leading zero in DER."""
		return self.dice["serial"].getrandbits(136) | 1 << 136

	@staticmethod
	def retry_after(value):
		return retry_after(value)

	def date(self):
		"""As it believes it to be; a rule may give another Date."""
		return retry_after({"date": self.settings["clock"]})

	def url(self, call, path):
		style = call.knob("link_style")
		scheme = "http" if style == "http" else "https"
		host = f"{scheme}://{call.headers.get('host', '')}"
		return path if style == "relative" else host + path

	@staticmethod
	def json(body, status=200, headers=None):
		return Reply(status, json.dumps(body).encode(), {
			"Content-Type": "application/json", **(headers or {})})

	@staticmethod
	def wait_header(call):
		told = call.knob("retry_after")
		return {} if told is None else {"Retry-After":
						retry_after(told)}

	def bug(self, text):
		"""Ours, not the client's; a test must see it all the same."""
		self.counts.complain("fakeca", f"bug: {text}")

	# The way of a request.

	def answer(self, request):
		call = Call(request, self.settings)
		route = ROUTES.get(call.endpoint)
		if route:
			call.subject = route[FIND](self, call)
		call.names = names_of(self, call)
		call.do = self.rules.take(facts_of(call))
		reply = self._reply(call, route)
		reply.delay += self.settings["latency"]
		self._finish(call, reply)
		return reply

	def _reply(self, call, route):
		do = call.do
		is_instead = effects.is_instead(do)
		if is_instead and do.get("when", "before") == "before":
			reply = effects.instead(self, do)
		else:
			reply = self._handle(call, route)
			if is_instead:
				reply = effects.instead(self, do)
		try:
			effects.shape(self, reply, do)
		except (ValueError, TypeError) as error:
			self.bug(f"rule {do}: {error!r}")
		return reply

	def _handle(self, call, route):
		try:
			self._check_edge(call)
			return self._dispatch(call, route)
		except Wrong as wrong:
			self.counts.complain(call.endpoint, str(wrong))
			return wrong.reply()
		except Problem as problem:
			return problem.reply()
		except Exception:
			self.bug(traceback.format_exc())
			return Problem("serverInternal", "a bug").reply()

	def _dispatch(self, call, route):
		if not route:
			raise Wrong("malformed", f"no such page: {call.path}",
				    404)
		if call.method not in route[METHODS]:
			raise Wrong("malformed", f"{call.method} is not for "
				    f"{call.endpoint}", 405)
		if not call.headers.get("user-agent"):
			raise Wrong("malformed", "no User-Agent (RFC 8555 6.1)")
		return route[HANDLER](self, call)

	def _check_edge(self, call):
		name = f"edge-{call.endpoint}"
		edges = ("edge-new-nonce", "edge-new-account",
			 "edge-new-order", "edge-renewal-info",
			 "edge-directory")
		self.limits.take(name if name in edges else "edge-acme",
				 call.peer)

	def _finish(self, call, reply):
		if call.method == "POST" and call.knob("nonces"):
			reply.headers.setdefault("Replay-Nonce",
						 self.nonces.new())
		if reply.fate != "send" and call.nonce:
			self.nonces.forgive(call.nonce)
		if call.endpoint != "directory":
			links = reply.headers.get("Link", [])
			links = links if isinstance(links, list) else [links]
			index = f'<{self.url(call, "/directory")}>;rel="index"'
			reply.headers["Link"] = [index, *links]
		reply.headers.setdefault("Date", self.date())
		reply.headers.setdefault("Cache-Control",
					 "public, max-age=0, no-cache")
		self.counts.request(call.endpoint, call.names, reply.status,
				    reply.fate)


def names_of(ca, call):
	if call.subject is not None:
		return getattr(call.subject, "names", [])
	if call.endpoint == "new-order":
		return orders.names_in(call.peek()[1])
	return []


def facts_of(call):
	"""What a rule can match."""
	header, payload = call.peek() if call.method == "POST" else ({}, {})
	return {"endpoint": call.endpoint, "method": call.method,
		"path": call.path, "name": call.names,
		"account": account_id(header.get("kid")),
		"serial": getattr(call.subject, "serial", None),
		"profile": payload.get("profile") or
			getattr(call.subject, "profile", None)}


def directory(ca, call):
	body = {"newNonce": "new-nonce", "newAccount": "new-account",
		"newOrder": "new-order", "revokeCert": "revoke-cert",
		"keyChange": "key-change"}
	if call.knob("ari"):
		body["renewalInfo"] = "renewal-info"
	body = {key: ca.url(call, f"/acme/{path}")
		for key, path in body.items()}
	meta = {"termsOfService": call.knob("terms"),
		"caaIdentities": call.knob("caa_identities"),
		"website": "https://fakeca.test/"}
	if call.knob("eab"):
		meta["externalAccountRequired"] = True
	if call.knob("profiles"):
		meta["profiles"] = {
			name: profile.get("description", name)
			for name, profile in call.knob("profiles").items()}
	# As Boulder: clients must bear with what they do not know.
	return ca.json(body | {"meta": meta, "adding-random-entries":
			       "https://fakeca.test/why"})


def new_nonce(ca, call):
	status = 200 if call.method == "HEAD" else 204
	return Reply(status, b"", {"Replay-Nonce": ca.nonces.new(),
				   "Cache-Control": "no-store"})


# What the third word of a URL names.

def nothing(_ca, _call):
	return None


def by_account(ca, call):
	return ca.accounts.get(call.argument)


def by_order(ca, call):
	return ca.orders.get(call.argument)


def by_authz(ca, call):
	return ca.authzs.get(call.argument)


def by_serial(ca, call):
	return ca.certs.get(call.argument)


def by_cert_id(ca, call):
	return ca.by_cert_id.get(call.argument)


def by_payload(ca, call):
	return revoke.cert_in(ca, call.peek()[1])


METHODS, HANDLER, FIND = range(3)
GET = ("GET", "HEAD")
POST = ("POST",)
ROUTES = {
	"directory": (GET, directory, nothing),
	"new-nonce": (GET, new_nonce, nothing),
	"new-account": (POST, accounts.new_account, nothing),
	"account": (POST, accounts.account, by_account),
	"orders": (POST, accounts.orders, by_account),
	"key-change": (POST, accounts.key_change, nothing),
	"new-order": (POST, orders.new_order, nothing),
	"order": (POST, orders.order, by_order),
	"finalize": (POST, orders.finalize, by_order),
	"cert": (POST, orders.cert, by_serial),
	"authz": (POST, authzs.authz, by_authz),
	"challenge": (POST, authzs.challenge, by_authz),
	"revoke-cert": (POST, revoke.revoke_cert, by_payload),
	"renewal-info": (GET, ari.renewal_info, by_cert_id),
}
