"""Mail servers as they are: postfix, each with a folder and an address.

It speaks SMTP with STARTTLS, and takes mail for nobody, or for aliases that
are commands. Nothing of the machine's own postfix is used but its programs.
"""

import contextlib
import os
import shutil
import smtplib
import socket
import subprocess
import tempfile
from pathlib import Path

from .daemon import BUILD
from .outside import Authority
from .process import Process, free_port

PROGRAMS = Path("/usr/lib/postfix/sbin")

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = {programs}
maillog_file = {folder}/log/mail.log
maillog_file_prefixes = {folder}
myhostname = {name}
smtpd_banner = $myhostname ESMTP
smtpd_peername_lookup = no
smtpd_tls_chain_files = {folder}/chain.pem
smtpd_tls_security_level = {level}
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
inet_interfaces = loopback-only
inet_protocols = ipv4
biff = no
max_use = 1
"""

NOBODY_MAIN = """
mydestination =
alias_maps =
local_recipient_maps =
smtpd_relay_restrictions = reject
"""

# With aliases. A command is run as nobody, and so by all of its kind.
LOCAL_MAIN = """
mydestination = {name}
alias_maps = hash:{folder}/aliases
local_recipient_maps = $alias_maps
default_privs = nobody
smtpd_relay_restrictions = reject_unauth_destination
minimal_backoff_time = 2s
maximal_backoff_time = 2s
queue_run_delay = 2s
notify_classes =
"""

# Not chrooted: no libraries would be found in so small a folder.
MASTER = """
{address}:{port} inet n - n - - smtpd
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
anvil     unix - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""

LOCAL_MASTER = """
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
local     unix - n n - - local
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
error     unix - - n - - error
retry     unix - - n - - error
flush     unix n - n 1000? 0 flush
showq     unix n - n - - showq
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
	such): another after use(), for each connection reads it anew. `aliases`
	is a dict of users and commands that take their mail.
	"""

	def __init__(self, name, address, port, chain, aliases=None):
		self.folder = Path(tempfile.mkdtemp(prefix="mtasts-mx-"))
		self.folder.chmod(0o711)	# its processes are not root's
		self.name, self.address, self.port = name, address, port
		self.level, self.aliases = "may", aliases
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
		main = MAIN + (LOCAL_MAIN if self.aliases else NOBODY_MAIN)
		master = MASTER + (LOCAL_MASTER if self.aliases else "")
		for file, text in ("main.cf", main), ("master.cf", master):
			(self.folder / "conf" / file).write_text(
				text.format(**words))
		if self.aliases:
			self._write_aliases()

	def _write_aliases(self):
		(self.folder / "aliases").write_text("".join(
			f'{user}: "|{command}"\n'
			for user, command in self.aliases.items()))
		subprocess.run(["postalias", "-c", self.folder / "conf",
				f"hash:{self.folder}/aliases"], check=True)

	def _greets(self):
		with socket.socket() as s:
			s.settimeout(5)
			return s.connect_ex((self.address, self.port)) == 0 \
				and s.recv(4) == b"220 "

	def send(self, message, to, sender="reporter@example.org"):
		with smtplib.SMTP(self.address, self.port, timeout=30) as s:
			s.sendmail(sender, to, message)

	def queue(self):
		"""What it has not delivered, or bounced."""
		return [p for part in ("maildrop", "incoming", "active",
				       "deferred")
			for p in (self.folder / "queue" / part).rglob("*")
			if p.is_file()]

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


@contextlib.contextmanager
def reports_alias(folder, door, *words):
	"""One whose tls-reports@mx.shop.test is `mtastsctl report import`."""
	with tempfile.TemporaryDirectory(prefix="mtasts-bin-") as programs:
		Path(programs).chmod(0o711)
		program = shutil.copy(BUILD / "mtastsctl", programs)
		server = Postfix("mx.shop.test", "127.0.0.1", free_port(),
				 Authority(folder).chain("mx.shop.test"),
				 {"tls-reports": " ".join([
					 program, "report import -", *words,
					 f"--socket {door}"])}).start()
		yield server
		server.close()
