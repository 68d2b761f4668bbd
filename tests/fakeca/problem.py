"""What is answered when something is wrong (RFC 7807, RFC 8555 6.7)."""

import json

from .server import Reply

PREFIX = "urn:ietf:params:acme:error:"

# HTTP statuses as Boulder has them; whatever is not here is a 400.
STATUS = {
	"accountDoesNotExist": 400, "alreadyReplaced": 409, "caa": 403,
	"orderNotReady": 403, "rateLimited": 429, "serverInternal": 500,
	"unauthorized": 403, "userActionRequired": 403,
	"externalAccountRequired": 403,
}


class Problem(Exception):
	"""A refusal. `members` join the document, `headers` the answer."""

	def __init__(self, kind, detail, status=None, headers=None, **members):
		super().__init__(f"{kind}: {detail}")
		self.kind = kind
		self.detail = detail
		self.status = status or STATUS.get(kind, 400)
		self.headers = headers or {}
		self.members = members

	def document(self):
		return {"type": PREFIX + self.kind, "detail": self.detail,
			"status": self.status} | self.members

	def reply(self):
		body = json.dumps(self.document()).encode()
		return Reply(self.status, body, {
			"Content-Type": "application/problem+json",
			**self.headers})


class Wrong(Problem):
	"""A refusal that a correct client never meets: it is kept as a
	complaint, and a test asserts that there is none."""
