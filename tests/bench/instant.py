"""A CA that answers at once (tests/bench/instant_ca.c), and a box that has it."""

import contextlib
import shutil
import tempfile
from pathlib import Path

from harness.daemon import BUILD, Daemon
from harness.dns import Dns
from harness.process import RUNNING, Process, wait_for

HERE, AWAY = "here.test", "away.test"	# domains that lead here, and do not
FREE = {key: "none" for key in (
	"limit_new_orders", "limit_per_domain", "limit_duplicates",
	"limit_failed_validations", "limit_ari", "limit_posts")}


@contextlib.contextmanager
def own_folder():
	"""Nothing of it is left, nor of what was started, whatever happens."""
	folder = Path(tempfile.mkdtemp(prefix="mtasts-"))
	try:
		yield folder
	finally:
		for process in list(RUNNING):
			process.kill()
		shutil.rmtree(folder, ignore_errors=True)


class InstantCa:
	"""Names that begin with "lost" never get a certificate."""

	def __init__(self, folder, latency_ms=0):
		self.root = folder / "root.pem"
		log = folder / "ca.log"
		self.process = Process(
			"instant-ca", [BUILD / "instant-ca", self.root,
				       str(latency_ms)], log)
		self.directory = wait_for("the CA", lambda: (
			log.read_text().strip() if log.exists() else None), 20)

	def is_had_by(self, daemon):
		daemon.ca = {"directory": self.directory,
			     "trust": self.root} | FREE

	def stop(self):
		"""False if a client did what no correct one does."""
		return self.process.stop(20) == 0


def box(folder, **settings):
	"""Without a CA yet."""
	dns = Dns(folder / "dns").start()
	dns.set(f"*.{HERE.removesuffix('.test')}", "A", "127.0.0.1")
	daemon = Daemon(folder / "d")
	daemon.settings |= {"resolvers": [dns.address]} | settings
	return daemon


def write_fleet(path, count, here):
	"""For domain import; the first ones lead here. Returns their names."""
	names = [f"n{i}.{HERE if i < here else AWAY}" for i in range(count)]
	path.write_text("name,mx\n" + "".join(
		f"{name},mx.mta-sts.{name}\n" for name in names))
	return names[:here]
