"""One request on its way through the CA."""

from . import jws
from .problem import Problem, Wrong


class Call:
	"""subject	what the URL names: an order, a certificate, ...
	names		the domain names that it is about, for rules and counts
	account, jwk	who signed it; one of them is None
	payload		None for POST-as-GET
	do		what rules say of it
	"""

	def __init__(self, request, settings):
		self.method = request.method
		self.path = request.path
		self.headers = request.headers
		self.peer = request.peer
		path, _, query = request.path.partition("?")
		words = path.strip("/").split("/")
		self.endpoint = words[1] if words[0] == "acme" and \
			len(words) > 1 else words[0]
		self.argument = words[2] if len(words) > 2 else ""
		self.detail = words[3] if len(words) > 3 else ""
		self.page = int(query[5:]) if query.startswith("page=") and \
			query[5:].isdigit() else 0
		self.subject = self.account = self.jwk = self.payload = None
		self.nonce = None
		self.names = []
		self.do = {}
		self._body = request.body
		self._settings = settings
		self._jws = None

	def knob(self, key):
		"""A setting, as it is for this request."""
		return self.do[key] if key in self.do else self._settings[key]

	def parsed(self):
		if self._jws is None:
			self._jws = jws.parse(self._body)
		return self._jws

	def peek(self):
		"""(header, payload) of what may be nonsense, for rules."""
		try:
			sent = self.parsed()
			return sent.header, jws.load(sent.payload, "payload")
		except (Problem, Wrong):
			return (self._jws.header if self._jws else {}), {}
