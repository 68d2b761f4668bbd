"""A real IMAP server: dovecot, with a folder of its own.

One user with one password, or with tokens; mailboxes are Maildir folders.
Nothing of the machine's own dovecot is used but its programs.
"""

import base64
import hmac
import json
import os
import shutil
import socket
import tempfile
import time
from pathlib import Path

from .process import Process, free_port

PROGRAM = Path("/usr/sbin/dovecot")
USER, PASSWORD = "reports", "correct horse"

CONFIG = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
instance_name = {folder.name}
log_path = {folder}/dovecot.log
info_log_path = {folder}/dovecot.log
ssl = required
ssl_cert = <{chain}
ssl_key = <{chain}
default_login_user = nobody
default_internal_user = nobody
default_internal_group = nogroup
mail_location = maildir:{folder}/mail
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 1
mail_max_userip_connections = 50
auth_mechanisms = {mechanisms}
imap_capability = {capability}
{passdb}
userdb {{
	driver = static
	args = uid=nobody gid=nogroup home={folder}/home
}}
service imap-login {{
	chroot =
	inet_listener imap {{
		port = {starttls_port}
	}}
	inet_listener imaps {{
		port = {port}
		ssl = yes
	}}
}}
service anvil {{
	chroot =
}}
service stats {{
	chroot =
}}
"""

BY_PASSWORD = """
passdb {{
	driver = passwd-file
	args = scheme=PLAIN {folder}/users
}}
"""

# A token is a JWT that it checks by itself: no server is asked.
BY_TOKEN = """
passdb {{
	driver = oauth2
	mechanisms = {mechanisms}
	args = {folder}/oauth2.conf
}}
"""
OAUTH2 = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={folder}/keys/
username_attribute = sub
"""

# Without "+" in front it is all that is told.
WITHOUT_MOVE = ("IMAP4rev1 LITERAL+ SASL-IR LOGIN-REFERRALS ID ENABLE IDLE "
		"UIDPLUS")


def why_not():
	"""Why it cannot be run here, or None."""
	if not PROGRAM.exists():
		return "dovecot is not installed"
	if os.geteuid() != 0:
		return "dovecot is started by root only, here"
	return None


def _base64url(data):
	return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Dovecot:
	"""At 127.0.0.1:port with TLS from the start, :starttls_port with STARTTLS.

	It shows the certificate of the file `chain` (outside.Authority makes
	such). With `oauth`, mechanisms such as "xoauth2", it lets in who has a
	token(), and nobody by a password.
	"""

	def __init__(self, chain, capability="", oauth=""):
		self.folder = Path(tempfile.mkdtemp(prefix="mtasts-imap-"))
		self.folder.chmod(0o711)
		self.port, self.starttls_port = free_port(), free_port()
		for part in "mail/new", "mail/cur", "mail/tmp", "home":
			(self.folder / part).mkdir(parents=True)
		(self.folder / "users").write_text(f"{USER}:{PASSWORD}\n")
		(self.folder / "users").chmod(0o644)
		self._key = os.urandom(32)
		if oauth:
			self._know_key()
		mechanisms = oauth or "plain login"
		passdb = BY_TOKEN if oauth else BY_PASSWORD
		(self.folder / "dovecot.conf").write_text(CONFIG.format(
			folder=self.folder, chain=chain, port=self.port,
			starttls_port=self.starttls_port,
			capability=capability, mechanisms=mechanisms,
			passdb=passdb.format(folder=self.folder,
					     mechanisms=mechanisms)))
		self._own()

	def _know_key(self):
		(self.folder / "oauth2.conf").write_text(
			OAUTH2.format(folder=self.folder))
		file = self.folder / "keys" / "default" / "HS256" / "default"
		file.parent.mkdir(parents=True)
		file.write_bytes(base64.b64encode(self._key))

	def token(self, user=USER, seconds=3600, key=None):
		"""A JWT (RFC 7519) that it takes for so long."""
		now = int(time.time())
		head, claims = ({"typ": "JWT", "alg": "HS256"},
				{"sub": user, "iat": now - 10,
				 "exp": now + seconds})
		text = ".".join(_base64url(json.dumps(part).encode())
				for part in (head, claims))
		sign = hmac.digest(key or self._key, text.encode(), "sha256")
		return f"{text}.{_base64url(sign)}"

	def _own(self):
		for top in "mail", "home":
			for path in (self.folder / top,
				     *(self.folder / top).rglob("*")):
				shutil.chown(path, "nobody", "nogroup")

	def start(self):
		self.process = Process("dovecot", [
			PROGRAM, "-F", "-c", self.folder / "dovecot.conf"],
			self.folder / "start.log")
		self.process.wait_ready(self._greets)
		return self

	def _greets(self):
		with socket.socket() as s:
			s.settimeout(5)
			return s.connect_ex(("127.0.0.1",
					     self.starttls_port)) == 0 \
				and s.recv(4) == b"* OK"

	def deliver(self, *messages):
		"""Into INBOX, unread."""
		new = self.folder / "mail" / "new"
		for message in messages:
			number = len(list(new.parent.glob("*/*,*"))) + \
				len(list(new.iterdir()))
			name = f"{1000000000 + number}.M{number}.test"
			path = self.folder / "mail" / "tmp" / name
			path.write_bytes(message)
			shutil.chown(path, "nobody", "nogroup")
			path.rename(new / name)

	def messages(self, folder="INBOX"):
		"""The flags of each, as a Maildir's name has them: "" or "S"."""
		top = self.folder / "mail"
		if folder != "INBOX":
			top /= f".{folder}"
		names = [p.name for part in ("new", "cur")
			 for p in (top / part).glob("*")]
		return [name.partition(":2,")[2] for name in names]

	def log(self):
		return (self.folder / "dovecot.log").read_text()

	def close(self):
		if self.process.is_alive():
			self.process.stop()
		shutil.rmtree(self.folder)
