"""Root, issuer and leaves, with an issuer key that comes from the seed.

So a CA that was restarted with the same seed is the same CA. Lifetimes of
root and issuer span every clock that a test may set.
"""

import datetime
import hashlib
import ipaddress
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .jws import b64

LONG_AGO = datetime.datetime(1990, 1, 1)
FAR_OFF = datetime.datetime(2149, 1, 1)
ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
SHA256 = hashes.SHA256()


def key_from(text):
	"""A P-256 key that follows from the text."""
	digest = hashlib.sha512(text.encode()).digest()
	scalar = int.from_bytes(digest, "big") % (ORDER - 1) + 1
	return ec.derive_private_key(scalar, ec.SECP256R1())


def name_of(words):
	return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words)])


def when(seconds):
	return datetime.datetime.utcfromtimestamp(seconds)


def pem(cert):
	return cert.public_bytes(serialization.Encoding.PEM)


def der(cert):
	return cert.public_bytes(serialization.Encoding.DER)


def spki(key):
	return key.public_bytes(serialization.Encoding.DER,
				serialization.PublicFormat.SubjectPublicKeyInfo)


def usage(is_ca):
	return x509.KeyUsage(
		digital_signature=True, content_commitment=False,
		key_encipherment=False, data_encipherment=False,
		key_agreement=False, key_cert_sign=is_ca, crl_sign=is_ca,
		encipher_only=False, decipher_only=False)


def ca_cert(subject, key, issuer, issuer_key):
	ski = x509.SubjectKeyIdentifier.from_public_key
	builder = (x509.CertificateBuilder()
		   .subject_name(name_of(subject)).issuer_name(name_of(issuer))
		   .public_key(key.public_key())
		   .serial_number(int.from_bytes(hashlib.sha256(
			   subject.encode()).digest()[:8], "big") >> 1 | 1)
		   .not_valid_before(LONG_AGO).not_valid_after(FAR_OFF)
		   .add_extension(x509.BasicConstraints(True, None), True)
		   .add_extension(usage(True), True)
		   .add_extension(ski(key.public_key()), False))
	if issuer_key is not key:
		builder = builder.add_extension(
			x509.AuthorityKeyIdentifier.from_issuer_public_key(
				issuer_key.public_key()), False)
	return builder.sign(issuer_key, SHA256)


class Issuer:
	"""A root, and the intermediate that signs all leaves."""

	def __init__(self, name, seed):
		root_key = key_from(f"{seed}/{name}/root")
		self.key = key_from(f"{seed}/{name}/issuer")
		self.subject = name_of(name)
		self.root = ca_cert(f"{name} Root", root_key, f"{name} Root",
				    root_key)
		self.cert = ca_cert(name, self.key, f"{name} Root", root_key)
		self.chain = pem(self.cert)
		aki = x509.AuthorityKeyIdentifier.from_issuer_public_key
		self._aki = aki(self.key.public_key())
		self.key_id = self._aki.key_identifier

	def issue(self, names, key, serial, not_before, not_after):
		"""A leaf, as an object. Instants are seconds since 1970."""
		sans = x509.SubjectAlternativeName(
			[x509.DNSName(name) for name in names])
		server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
		fits = len(names[0]) <= 64	# X.520's bound of a CN
		subject = name_of(names[0]) if fits else x509.Name([])
		return (x509.CertificateBuilder()
			.subject_name(subject).issuer_name(self.subject)
			.public_key(key).serial_number(serial)
			.not_valid_before(when(not_before))
			.not_valid_after(when(not_after))
			.add_extension(usage(False), True)
			.add_extension(server, False)
			.add_extension(x509.BasicConstraints(False, None), True)
			.add_extension(self._aki, False)
			.add_extension(sans, not fits)
			.sign(self.key, SHA256))

	def cert_id(self, serial):
		"""RFC 9773 4.1. The serial has its leading zero, as in DER."""
		raw = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
		return f"{b64(self.key_id)}.{b64(raw)}"


# What the CA's own HTTPS shows; all but the first must be refused.

TLS_KINDS = ("good", "expired", "other-name", "unknown-issuer")


def tls_cert(kind, key, now):
	"""Self-signed for 127.0.0.1: it is its own trust anchor."""
	host = "127.0.0.2" if kind == "other-name" else "127.0.0.1"
	end = when(now - 86400) if kind == "expired" else FAR_OFF
	san = x509.SubjectAlternativeName(
		[x509.IPAddress(ipaddress.ip_address(host))])
	name = name_of("fakeca https")
	return (x509.CertificateBuilder().subject_name(name).issuer_name(name)
		.public_key(key.public_key())
		.serial_number(TLS_KINDS.index(kind) + 1)
		.not_valid_before(LONG_AGO).not_valid_after(end)
		.add_extension(x509.BasicConstraints(True, None), True)
		.add_extension(san, False).sign(key, SHA256))


def write_tls(folder, kind, seed, now):
	"""Certificate and key as files: those of "good" are what is trusted."""
	owner = "other" if kind == "unknown-issuer" else "tls"
	key = key_from(f"{seed}/{owner}")
	cert = folder / ("trust.pem" if kind == "good" else f"{kind}.pem")
	if not cert.exists():		# a restarted CA shows the same one
		cert.write_bytes(pem(tls_cert(kind, key, now)))
	secret = folder / ("key.pem" if owner == "tls" else f"{kind}-key.pem")
	secret.write_bytes(key.private_bytes(
		serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
		serialization.NoEncryption()))
	return cert, secret


def tls_context(folder, kind, seed, now):
	context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
	context.load_cert_chain(*write_tls(folder, kind, seed, now))
	return context
