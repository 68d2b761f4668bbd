"""Who sent this request? (RFC 8555 6.2 to 6.5, in Boulder's order.)"""

from urllib.parse import urlsplit

from . import jws
from .problem import Problem, Wrong
from .server import Reply

TYPE = "application/jose+json"


class Vague(Problem):
	"""What smallstep answers when it does not know an account."""

	def reply(self):
		return Reply(500, b"{}", {"Content-Type": "application/json"})


def authenticate(ca, request, by="kid"):
	"""Sets request.account (or request.jwk) and request.payload, an object
	or None for POST-as-GET. `by` is "kid", "jwk" or "either"."""
	sent = request.parsed()
	check_header(ca, request, sent.header, by)
	take_nonce(ca, request, sent.header["nonce"])
	if "jwk" in sent.header:
		request.jwk = sent.header["jwk"]
		key = jws.public_key(request.jwk)
	else:
		request.account = find_account(ca, request, sent.header["kid"])
		key = request.account.key
	jws.verify(sent, key)
	if request.account:
		check_account(request)
	request.payload = jws.load(sent.payload, "the payload") \
		if sent.payload else None


def check_header(ca, request, header, by):
	if request.headers.get("content-type") != TYPE:
		raise Wrong("malformed", f"Content-Type is not {TYPE}", 415)
	names = set(header)
	if names not in ({"alg", "nonce", "url", "kid"},
			 {"alg", "nonce", "url", "jwk"}):
		raise Wrong("malformed", f"protected has {sorted(names)}")
	if by != "either" and by not in names:
		raise Wrong("malformed", f"this request is signed by {by}")
	wanted = f"https://{request.headers.get('host')}{request.path}"
	if header["url"] != wanted:
		raise Wrong("unauthorized", f"url is {header['url']!r}, not "
			    f"{wanted!r}")


def take_nonce(ca, request, nonce):
	if not isinstance(nonce, str) or not nonce:
		raise Wrong("badNonce", "the nonce is no string")
	request.nonce = nonce
	try:
		ca.nonces.use(nonce, request.knob("nonce_life"))
		ca.nonces.roll(ca.dice["nonce"],
			       request.knob("bad_nonce_share"),
			       request.knob("bad_nonce_every"))
	except Problem:
		ca.counts.add("bad_nonces")
		raise


def account_id(kid):
	"""The last word of https://.../acme/account/ID, or None."""
	url = urlsplit(kid) if isinstance(kid, str) else None
	if not url or not url.path.startswith("/acme/account/"):
		return None
	return url.path.rpartition("/")[2]


def find_account(ca, request, kid):
	number = account_id(kid)
	if number is None:
		raise Wrong("malformed", f"kid is {kid!r}")
	if number in ca.accounts:
		return ca.accounts[number]
	if request.knob("unknown_account") == "vague":
		raise Vague("serverInternal", "")
	raise Problem("accountDoesNotExist", "no such account")


def check_account(request):
	account = request.account
	if account.status != "valid":
		raise Problem("unauthorized", "Account is not valid, has "
			      f"status \"{account.status}\"")
	terms = request.knob("terms")
	if request.knob("terms_enforced") and account.agreed != terms and \
			request.endpoint != "account":
		raise Problem("userActionRequired", "the terms of service "
			      "have changed", None,
			      {"Link": f'<{terms}>;rel="terms-of-service"'},
			      instance=terms)


def must_be_empty(request):
	if request.payload is not None or request.parsed().payload:
		raise Wrong("malformed", "this is to be asked by POST-as-GET")


def must_have_payload(request):
	if request.payload is None:
		raise Wrong("malformed", "this needs a payload")
	return request.payload
