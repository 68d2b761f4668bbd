"""Fleets of any size: one domain of a daemon that is down, many times over.

Its rows are copied, the certificate too: it is another name's, which matters
to nobody but a client that looks at it. What is to be seen of a clone must
thus be renewed, or not be looked at.
"""

import sqlite3


def clone(daemon, template, names, **columns):
	"""`columns` of the new rows of `domain` are set to these values."""
	with sqlite3.connect(daemon.state / "state.db") as db:
		db.row_factory = sqlite3.Row
		copy_all(db, template, names, columns)
	db.close()
	for path in daemon.state.glob("serve.db*"):
		path.unlink()		# made anew at the next start


def copy_all(db, template, names, columns):
	rows = {"domain": one(db, "domain", "name = ?", template)}
	number = rows["domain"]["id"]
	for table in "policy", "cert", "key":
		rows[table] = one(db, table, "domain_id = ?", number)
	tables = [t for t in ("domain", "policy", "key", "cert") if rows[t]]
	first = {t: db.execute(f"SELECT max(id) FROM {t}").fetchone()[0] + 1
		 for t in tables}
	for table in tables:
		insert(db, table, rows[table], (
			changes(table, template, name,
				{t: first[t] + i for t in tables}, columns)
			for i, name in enumerate(names)))


def one(db, table, where, value):
	"""The newest."""
	row = db.execute(f"SELECT * FROM {table} WHERE {where}"
			 " ORDER BY id DESC LIMIT 1", (value,)).fetchone()
	return dict(row) if row else None


def changes(table, template, name, ids, columns):
	"""What is another's in this copy."""
	own = {"id": ids[table], "domain_id": ids["domain"]}
	if table == "domain":
		own = {"id": ids[table], "name": name,
		       "policy_id": ids["policy"],
		       "cert_id": ids.get("cert", 0)} | columns
	if table == "policy":
		own["template"] = template, name
	if table == "cert":
		own |= {"key_id": ids["key"], "order_id": None}
	return own


def insert(db, table, row, copies):
	keys = ", ".join(row)
	marks = ", ".join("?" * len(row))
	db.executemany(f"INSERT INTO {table}({keys}) VALUES({marks})",
		       (values(row, own) for own in copies))


def values(row, own):
	copy = row | own
	if "template" in own:
		old, new = copy.pop("template")
		copy["mx"] = copy["mx"].replace(old, new)
		copy["body"] = copy["body"].replace(old, new)
	return list(copy.values())
