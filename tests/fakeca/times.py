"""Instants as ACME and HTTP write them."""

import datetime
import time
from email.utils import formatdate


def iso(seconds):
	at = datetime.datetime.utcfromtimestamp(int(seconds))
	return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def retry_after(value):
	"""What a Retry-After shall say: a number is seconds, {"date": n} the
	HTTP date n seconds from now, and a string goes out as it is, however
	little sense it makes."""
	if isinstance(value, dict):
		return formatdate(time.time() + value["date"], usegmt=True)
	return str(value)
