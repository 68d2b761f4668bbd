"""Accounts, authorizations, orders and certificates.

What follows from the clock (a thing expires, an order has been processed) is
worked out when somebody looks, so a clock that steps needs no timer.
"""

import time
from dataclasses import dataclass, field


@dataclass
class Account:
	id: str
	jwk: dict
	thumbprint: str
	key: object
	contact: list
	agreed: str		# the terms that it agreed to, as a URL
	eab: str = ""
	status: str = "valid"
	orders: list = field(default_factory=list)


@dataclass
class Challenge:
	kind: str
	status: str = "pending"
	error: dict = None
	validated: float = 0
	is_running: bool = False


@dataclass
class Authz:
	id: str
	account: Account
	name: str
	token: str
	expires: float
	challenges: dict	# kind -> Challenge
	status: str = "pending"
	validated: float = 0

	@property
	def names(self):
		return [self.name]

	@property
	def state(self):
		is_open = self.status in ("pending", "valid")
		return "expired" if is_open and time.time() >= self.expires \
			else self.status


@dataclass
class Order:
	id: str
	account: Account
	names: list
	profile: str
	authzs: list
	expires: float
	replaces: object = None	# a Certificate
	status: str = "pending"
	error: dict = None
	request: object = None	# the CSR
	done_at: float = 0	# of one that is processing
	plan: dict = None	# how to issue, once it is time
	certificate: object = None

	@property
	def state(self):
		"""Its status by RFC 8555 7.1.6: mostly that of its authzs."""
		if self.status != "pending":
			return self.status
		states = {authz.state for authz in self.authzs}
		if time.time() >= self.expires or states - {"pending", "valid"}:
			return "invalid"
		return "ready" if states == {"valid"} else "pending"

	@property
	def is_live(self):
		return self.state in ("pending", "ready", "processing", "valid")


@dataclass
class Certificate:
	serial: str		# lower-case hex
	cert_id: str
	names: list
	account: Account
	der: bytes
	chain: bytes		# as it is downloaded
	spki: bytes
	not_before: float
	not_after: float
	revoked_at: float = 0
	reason: int = 0
	explanation: str = ""
	replaced_by: object = None	# the latest order that says so

	@property
	def life(self):
		return self.not_after - self.not_before

	@property
	def is_replaced(self):
		return self.replaced_by is not None and self.replaced_by.is_live
