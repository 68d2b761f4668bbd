"""Pebble: a real ACME CA, small enough to be started for one test."""

import json
import ssl
import subprocess
import urllib.request
from pathlib import Path

from .process import Process, connects, free_port

EAB_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


class Pebble:
	"""Pebble -strict. It forgets everything when it is restarted.

	validity	of the certificates, in seconds
	authz_reuse	percentage of orders that find a valid authorization
	chain_length	certificates between leaf and root
	alternate_roots	so many, each with a chain of its own
	nonce_reject	percentage of good nonces that it refuses
	eab		an account needs EAB: kid "kid-1", key EAB_KEY
	tls_port	where it validates by tls-alpn-01; None: nowhere
	"""

	def __init__(self, folder, dns_port, http_port, validity=90 * 86400,
		     authz_reuse=None, chain_length=None,
		     alternate_roots=0, nonce_reject=None, eab=False,
		     tls_port=None, keep=False):
		self.folder = Path(folder)
		self.folder.mkdir(parents=True)
		self.port, self.management_port = free_port(), free_port()
		self.directory = f"https://127.0.0.1:{self.port}/dir"
		self.trust = self.folder / "trust.pem"	# of its own HTTPS
		self.log = self.folder / "pebble.log"
		self.dns_port = dns_port
		self.keep = keep
		self.process = None
		self.env = {"PEBBLE_VA_NOSLEEP": "1"}
		if authz_reuse is not None:
			self.env["PEBBLE_AUTHZREUSE"] = str(authz_reuse)
		if chain_length is not None:
			self.env["PEBBLE_CHAIN_LENGTH"] = str(chain_length)
		if alternate_roots:
			self.env["PEBBLE_ALTERNATE_ROOTS"] = str(alternate_roots)
		if nonce_reject is not None:
			self.env["PEBBLE_WFE_NONCEREJECT"] = str(nonce_reject)
		self.http_port, self.tls_port = http_port, tls_port
		self._make_tls_certificate()
		self._write_config(http_port, tls_port or free_port(), validity,
				   eab)

	def _make_tls_certificate(self):
		subprocess.run(
			["openssl", "req", "-x509", "-nodes", "-days", "30",
			 "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
			 "-subj", "/CN=pebble",
			 "-addext", "subjectAltName=IP:127.0.0.1",
			 "-keyout", self.folder / "key.pem", "-out", self.trust],
			check=True, capture_output=True)

	def _write_config(self, http_port, tls_port, validity, eab):
		config = {
			"listenAddress": f"127.0.0.1:{self.port}",
			"managementListenAddress":
				f"127.0.0.1:{self.management_port}",
			"certificate": str(self.trust),
			"privateKey": str(self.folder / "key.pem"),
			"httpPort": http_port,
			"tlsPort": tls_port,
			"certificateValidityPeriod": validity,
			"externalAccountBindingRequired": eab,
			"externalAccountMACKeys":
				{"kid-1": EAB_KEY} if eab else {},
		}
		path = self.folder / "config.json"
		path.write_text(json.dumps({"pebble": config}, indent=1))

	def launch(self):
		"""Starts it, and does not wait: see wait_ready()."""
		self.process = Process("pebble", [
			"pebble", "-strict", "-config", self.folder / "config.json",
			"-dnsserver", f"127.0.0.1:{self.dns_port}"],
			self.log, self.env, self.keep)
		return self

	def wait_ready(self):
		self.process.wait_ready(lambda: connects(self.port) and
					connects(self.management_port))
		return self

	def start(self):
		return self.launch().wait_ready()

	def stop(self):
		if self.process and self.process.is_alive():
			self.process.stop()

	def restart(self):
		self.stop()
		return self.start()

	def hangs(self):
		"""Pebble 2.4.0 may, for good, when too many come at once."""
		context = ssl.create_default_context(cafile=self.trust)
		try:
			urllib.request.urlopen(self.directory, context=context,
					       timeout=15).close()
		except OSError:
			return True
		return False

	def _manage(self, path):
		url = f"https://127.0.0.1:{self.management_port}/{path}"
		context = ssl.create_default_context(cafile=self.trust)
		with urllib.request.urlopen(url, context=context) as reply:
			return reply.read()

	def status(self, serial):
		"""("Valid" or "Revoked", reason) of a certificate."""
		found = json.loads(self._manage(f"cert-status-by-serial/{serial}"))
		return found["Status"], found.get("Reason", 0)

	def root(self):
		"""A file with the root that its certificates lead to."""
		pem = self._manage("roots/0")
		path = self.folder / f"root-{self.process.pid}.pem"
		path.write_bytes(pem)
		return path

	# What it did in all its lives, by its log.

	def orders(self):
		return self._count("Added order ")

	def issued(self):
		return self._count("Issued certificate serial ")

	def given_up(self):
		return self._count("set INVALID")

	def requests(self):
		return self._count("-> calling handler()")

	def _count(self, words):
		return self.log.read_text().count(words)
