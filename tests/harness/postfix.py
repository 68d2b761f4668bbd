"""Mail servers as they are: postfix, each with a folder and an address.

It speaks SMTP with STARTTLS, and takes mail for nobody. Nothing of the
machine's own postfix is used but its programs.
"""

import os
import shutil
import socket
import tempfile
from pathlib import Path

from .process import Process

PROGRAMS = Path("/usr/lib/postfix/sbin")

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = {programs}
maillog_file = {folder}/log/mail.log
maillog_file_prefixes = {folder}
myhostname = {name}
mydestination =
alias_maps =
local_recipient_maps =
smtpd_banner = $myhostname ESMTP
smtpd_peername_lookup = no
smtpd_relay_restrictions = reject
smtpd_tls_chain_files = {folder}/chain.pem
smtpd_tls_security_level = {level}
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
inet_interfaces = loopback-only
inet_protocols = ipv4
biff = no
max_use = 1
"""

# Not chrooted: no libraries would be found in so small a folder.
MASTER = """
{address}:{port} inet n - n - - smtpd
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
anvil     unix - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""

QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold",
	  "incoming", "maildrop", "pid", "private", "public", "saved", "trace")


def why_not():
	"""Why it cannot be run here, or None."""
	if not (PROGRAMS / "master").exists():
		return "postfix is not installed"
	if os.geteuid() != 0:
		return "postfix is started by root only"
	return None


class Postfix:
	"""A mail server `name` at address:port.

	It shows the certificate of the file `chain` (outside.Authority makes
	such): another after use(), for each connection reads it anew.
	"""

	def __init__(self, name, address, port, chain):
		self.folder = Path(tempfile.mkdtemp(prefix="mtasts-mx-"))
		self.folder.chmod(0o711)	# its processes are not root's
		self.name, self.address, self.port = name, address, port
		self.level = "may"
		for part in "conf", "log", *(f"queue/{q}" for q in QUEUES):
			(self.folder / part).mkdir(parents=True)
		self._make_owned("data", *(f"queue/{q}" for q in QUEUES
					   if q != "pid"))
		self.use(chain)

	def _make_owned(self, *parts):
		for part in parts:
			(self.folder / part).mkdir(exist_ok=True)
			shutil.chown(self.folder / part, "postfix")

	def use(self, chain):
		"""Shows this certificate from now on."""
		new = self.folder / "chain.new"
		new.touch(mode=0o600)
		new.write_bytes(Path(chain).read_bytes())
		new.rename(self.folder / "chain.pem")

	def start(self):
		"""Again, too."""
		self._write_config()
		self.process = Process(
			"postfix", [PROGRAMS / "master", "-c",
				    self.folder / "conf", "-d"],
			self.folder / "log" / "master.log")
		self.process.wait_ready(self._greets)
		return self

	def _write_config(self):
		words = {"folder": self.folder, "programs": PROGRAMS,
			 "name": self.name, "address": self.address,
			 "port": self.port, "level": self.level}
		for file, text in ("main.cf", MAIN), ("master.cf", MASTER):
			(self.folder / "conf" / file).write_text(
				text.format(**words))

	def _greets(self):
		with socket.socket() as s:
			s.settimeout(5)
			return s.connect_ex((self.address, self.port)) == 0 \
				and s.recv(4) == b"220 "

	def offer_starttls(self, offers):
		"""Each smtpd reads its configuration as it begins."""
		self.level = "may" if offers else "none"
		self._write_config()

	def log(self):
		return (self.folder / "log" / "mail.log").read_text()

	def stop(self):
		if self.process.is_alive():
			self.process.stop()

	def close(self):
		self.stop()
		shutil.rmtree(self.folder)
