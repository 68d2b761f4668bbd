"""Two real CAs: a rig's pebble, and a second one that wants EAB."""

from .fetch import Client
from .pebble import EAB_KEY, Pebble


class TwoCas:
	"""A rig whose daemons have a second CA, one that wants EAB."""

	def __init__(self, rig, **pebble):
		self.rig, self.first = rig, rig.pebble
		self.second = Pebble(rig.folder / "ca2", rig.dns.port,
				     rig.http_port, eab=True, **pebble).start()
		self.key = rig.folder / "eab.key"
		self.key.write_text(EAB_KEY + "\n")
		self.key.chmod(0o600)

	def daemon(self, **second_keys):
		daemon = self.rig.daemon()
		daemon.more_cas["second"] = {
			"directory": self.second.directory,
			"trust": self.second.trust,
			"eab_kid": "kid-1",
			"eab_key_file": self.key,
		} | second_keys
		daemon.issuers.append(self.second)
		return daemon

	def client(self, daemon):
		"""One that trusts both."""
		client = Client(daemon.https_port, self.first.root())
		self.trust(client, self.second)
		return client

	@staticmethod
	def trust(client, ca):
		"""It makes another root each time it starts."""
		client.context.load_verify_locations(cafile=ca.root())


def ca(daemon, name):
	[found] = [ca for ca in daemon.json("ca", "list")["cas"]
		   if ca["name"] == name]
	return found


def issuer(daemon, name):
	"""The CA that the certificate served is from."""
	return daemon.domain(name)["certificate"]["ca"]
