"""TLS reports, and who posts them: curl, as reporters are said to do."""

import json
import struct
import subprocess
import zlib

GZIP = "application/tlsrpt+gzip"
JSON = "application/tlsrpt+json"


def report(domain, number=1, policies=None, **more):
	"""What a reporter tells of a domain that failed nothing, as text."""
	return json.dumps({
		"organization-name": "Sender Inc.",
		"date-range": {"start-datetime": "2026-11-01T00:00:00Z",
			       "end-datetime": "2026-11-01T23:59:59Z"},
		"contact-info": "tls@sender.test",
		"report-id": f"{number}@sender.test",
		"policies": [sts(domain)] if policies is None else policies,
	} | more).encode()


def sts(domain, failures=()):
	return {"policy": {"policy-type": "sts", "policy-domain": domain,
			   "mx-host": [f"mx.{domain}"]},
		"summary": {"total-successful-session-count": 7,
			    "total-failure-session-count": len(failures)},
		"failure-details": list(failures)}


def bomb(size):
	"""gzip of so many zeros: a thousandth of them, in pieces that are alike."""
	zeros, count = bytes(PIECE), size // PIECE
	pack = zlib.compressobj(9, zlib.DEFLATED, -15)
	piece = pack.compress(zeros) + pack.flush(zlib.Z_FULL_FLUSH)
	crc = 0
	for _ in range(count):
		crc = zlib.crc32(zeros, crc)
	return (GZIP_HEAD + piece * count + LAST_BLOCK +
		struct.pack("<II", crc, count * PIECE % (1 << 32)))


PIECE = 4 << 20
GZIP_HEAD = bytes.fromhex("1f8b08000000000002ff")
LAST_BLOCK = b"\x03\x00"


class Poster:
	"""Posts to the path of a domain of a daemon, over TLS, verified."""

	def __init__(self, daemon, root, domain, folder):
		self.daemon = daemon
		self.domain = domain
		self.host = f"mta-sts.{domain}"
		self.path = f"/tlsrpt/{self.token()}"
		self.root = root
		self.folder = folder

	def token(self):
		return self.daemon.rows("SELECT report_token FROM domain"
					" WHERE name = ?", self.domain)[0][0]

	def url(self, path=None):
		return (f"https://{self.host}:{self.daemon.https_port}"
			f"{self.path if path is None else path}")

	def curl(self, body, *options, path=None, kind=None, seconds=30):
		"""What curl says of it: it gets the body as a file."""
		file = self.folder / "body"
		file.write_bytes(body)
		if kind is not None:
			options = ("-H", f"Content-Type: {kind}", *options)
		return subprocess.run(
			["curl", "--silent", "--cacert", self.root, "--resolve",
			 f"{self.host}:{self.daemon.https_port}:127.0.0.1",
			 "--data-binary", f"@{file}", "--write-out",
			 "\n%{http_code}", *options, self.url(path)],
			capture_output=True, text=True, timeout=seconds,
			check=False)

	def post(self, body, *options, **more):
		"""The status, 0 if there was none."""
		return int(self.curl(body, *options, **more).stdout
			   .splitlines()[-1])


def stored(daemon, domain=None):
	"""How many reports there are."""
	if domain is None:
		return daemon.rows("SELECT count(*) FROM report")[0][0]
	return daemon.rows("SELECT count(*) FROM report r JOIN domain d"
			   " ON d.id = r.domain_id WHERE d.name = ?",
			   domain)[0][0]
