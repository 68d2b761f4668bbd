"""What a box needs around it, inside of a village: DNS, a CA, a mail server.

	python3 town.py FOLDER

ca.test is a CA's directory at port 14000 of PUBLIC, whose root is
FOLDER/root.pem; the mail of example.test goes to port 25 there. It is all
there when FOLDER/open exists.
"""

import json
import sys
import time
from email.utils import formatdate
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.dns import Dns			# noqa: E402
from harness.outside import Authority, Listener, PolicyHost	# noqa: E402

PUBLIC = "11.22.33.44"
CA_PORT = 14000
DIRECTORY = json.dumps({"newOrder": "https://ca.test:14000/order"})


class Silence(Listener):
	def serve(self, connection):
		connection.recv(1)


def answer_with_date(connection):
	connection.sendall((f"HTTP/1.1 200 OK\r\nDate: {formatdate(usegmt=True)}"
			    f"\r\nContent-Length: {len(DIRECTORY)}\r\n"
			    f"Connection: close\r\n\r\n{DIRECTORY}").encode())


def main(folder):
	dns = Dns(folder / "dns", port=53).start()
	for host in "ca.test", "mx.example.test":
		dns.set(host, "A", PUBLIC)
	dns.set("example.test", "MX", "10 mx.example.test.")
	ca = Authority(folder)
	host = PolicyHost(ca.context("ca.test"), DIRECTORY, at=(PUBLIC, CA_PORT))
	host.answer = answer_with_date
	Silence((PUBLIC, 25))
	(folder / "open").touch()
	while True:
		time.sleep(1)


if __name__ == "__main__":
	main(Path(sys.argv[1]))
