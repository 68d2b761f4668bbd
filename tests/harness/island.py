"""A network of its own, with one mail domain in it, at the usual ports.

	unshare ... python3 island.py FOLDER PROGRAM...

Run in a network namespace that nothing else is in: knot answers at port 53,
the policy host at 443 and the mail server at 25 of an address that is public
everywhere else. PROGRAM is run in a chroot to FOLDER/root, which gets
resolv.conf and the roots to trust. It ends as that ends.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.dns import Dns			# noqa: E402
from harness.outside import Authority, MailServer, PolicyHost	# noqa: E402

NAME = "island.test"
PUBLIC = "11.22.33.44"	# nobody else's, in here
BODY = (f"version: STSv1\r\nmode: enforce\r\nmx: mx.{NAME}\r\n"
	"max_age: 1209600\r\n")

SIOCSIFFLAGS, SIOCSIFADDR, IFF_UP = 0x8914, 0x8916, 1


def bring_up():
	with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
		fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo",
							 IFF_UP))
		for label, address in (b"lo", "127.0.0.1"), (b"lo:1", PUBLIC):
			fcntl.ioctl(s, SIOCSIFADDR, struct.pack(
				"16sHH4s8x", label, socket.AF_INET, 0,
				socket.inet_aton(address)))


def publish(dns):
	for host in f"mta-sts.{NAME}", f"mx.{NAME}":
		dns.set(host, "A", PUBLIC)
	dns.set(NAME, "MX", f"10 mx.{NAME}.")
	dns.set(f"_mta-sts.{NAME}", "TXT", '"v=STSv1; id=1;"')
	dns.set(f"_smtp._tls.{NAME}", "TXT",
		'"v=TLSRPTv1; rua=mailto:tls@example.net"')


def main(folder, *program):
	bring_up()
	dns = Dns(folder / "dns", port=53).start()
	publish(dns)
	ca = Authority(folder)
	PolicyHost(ca.context(f"mta-sts.{NAME}"), BODY, at=(PUBLIC, 443))
	MailServer(ca.context(f"mx.{NAME}"), at=(PUBLIC, 25))

	root = folder / "root"
	(root / "etc" / "ssl" / "certs").mkdir(parents=True, exist_ok=True)
	(root / "etc" / "resolv.conf").write_text("nameserver 127.0.0.1\n")
	(root / "etc" / "ssl" / "certs" / "ca-certificates.crt").write_bytes(
		ca.root.read_bytes())
	done = subprocess.run(program, stdin=subprocess.DEVNULL, env={},
			      preexec_fn=lambda: os.chroot(root) or
			      os.chdir("/"))
	dns.process.stop()
	return done.returncode


if __name__ == "__main__":
	sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
