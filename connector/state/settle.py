"""What outcomes mean for the ledger: the statements that run together in one transaction.

Owns: outcome -> contact, membership, reject and change rows. Must not: open a transaction, know a batch or a request.

APPLIED and UNCHANGED are done and enter the ledger. REJECTED is parked. SKIPPED and FAILED leave the ledger as it is.
"""

from __future__ import annotations

import pyarrow as pa

from connector.model import SAID_NO, NewContacts, Op, Outcome, Status
from connector.state.base import ANSWERS
from connector.state.database import Database

TEMPORARY = (
    "CREATE TEMP TABLE answer(seq INTEGER PRIMARY KEY, outcome TEXT, code TEXT, detail TEXT, remote_id TEXT)",
    """CREATE TEMP TABLE result(
        seq INTEGER PRIMARY KEY, destination TEXT, op TEXT, kind TEXT, target TEXT, email TEXT, fields TEXT,
        status TEXT, outcome TEXT, code TEXT, detail TEXT, remote_id TEXT, contact_id INTEGER)""",
)

_DONE = f"outcome IN ('{Outcome.APPLIED}', '{Outcome.UNCHANGED}')"

# The answered changes and those that ride in them, with all that the statements below need. CROSS JOIN keeps SQLite
# from walking through all changes to find the few answered ones.
_RESULTS = """
    INSERT INTO temp.result
    SELECT c.seq, s.destination, s.op, coalesce(s.kind, ''), coalesce(s.target, ''), c.email, c.fields,
           CASE WHEN s.op = 'create' THEN {new_status} END, a.outcome, a.code, a.detail, a.remote_id, k.id
    FROM temp.answer a CROSS JOIN change c ON {join} JOIN step s ON s.id = c.step
    LEFT JOIN contact k ON k.destination = s.destination AND k.email = c.email
"""
_NEW_STATUS = (
    f"CASE c.new_status WHEN '{NewContacts.SUBSCRIBED}' THEN '{Status.SUBSCRIBED}' "
    f"WHEN '{NewContacts.PENDING}' THEN '{Status.PENDING}' ELSE '{Status.NEVER_SUBSCRIBED}' END"
)

_STATEMENTS = (
    # The journal.
    f"""UPDATE change SET (outcome, code, previous) = (
            SELECT r.outcome, r.code, CASE WHEN r.op = '{Op.UPDATE}' AND r.{_DONE}
                   THEN (SELECT k.fields FROM contact k WHERE k.id = r.contact_id) END
            FROM temp.result r WHERE r.seq = change.seq)
        WHERE seq IN (SELECT seq FROM temp.result)""",
    # A contact that the platform had lost and now holds anew is in no target and has no fields but the new ones.
    f"""DELETE FROM membership WHERE (target_id, contact_id) IN (
            SELECT t.id, k.id FROM temp.result r
            JOIN contact k ON k.id = r.contact_id AND k.status = '{Status.ABSENT}'
            JOIN target t ON t.destination = r.destination
            WHERE r.op = '{Op.CREATE}' AND r.outcome = '{Outcome.APPLIED}')""",
    f"""INSERT INTO contact(destination, email, remote_id, status, fields)
        SELECT destination, email, remote_id, status, fields FROM temp.result
        WHERE op = '{Op.CREATE}' AND {_DONE}
        ON CONFLICT(destination, email) DO UPDATE SET
            remote_id = coalesce(excluded.remote_id, remote_id), fields = excluded.fields,
            status = CASE WHEN coalesce(status, '{Status.ABSENT}') = '{Status.ABSENT}'
                     THEN excluded.status ELSE status END""",
    f"""INSERT INTO contact(destination, email, remote_id, fields)
        SELECT destination, email, remote_id, fields FROM temp.result
        WHERE op <> '{Op.CREATE}' AND {_DONE}
        ON CONFLICT(destination, email) DO UPDATE SET
            remote_id = coalesce(excluded.remote_id, remote_id),
            fields = CASE WHEN excluded.fields IS NULL THEN fields
                     ELSE json_patch(coalesce(fields, '{{}}'), excluded.fields) END""",
    """UPDATE temp.result SET contact_id =
            (SELECT k.id FROM contact k WHERE k.destination = result.destination AND k.email = result.email)
        WHERE contact_id IS NULL""",
    # Memberships.
    f"""INSERT OR IGNORE INTO target(destination, kind, name)
        SELECT DISTINCT destination, kind, target FROM temp.result
        WHERE op = '{Op.ADD}' AND {_DONE}""",
    f"""INSERT OR IGNORE INTO membership(target_id, contact_id)
        SELECT t.id, r.contact_id FROM temp.result r
        JOIN target t ON t.destination = r.destination AND t.kind = r.kind AND t.name = r.target
        WHERE r.op = '{Op.ADD}' AND r.{_DONE}""",
    f"""DELETE FROM membership WHERE (target_id, contact_id) IN (
            SELECT t.id, r.contact_id FROM temp.result r
            JOIN target t ON t.destination = r.destination AND t.kind = r.kind AND t.name = r.target
            WHERE r.op = '{Op.REMOVE}' AND r.{_DONE})""",
    # A contact that the platform does not hold any more; a no of the person outlives that.
    f"""UPDATE contact SET status = '{Status.ABSENT}', remote_id = NULL
        WHERE coalesce(status, '') NOT IN ({", ".join(f"'{status}'" for status in sorted(SAID_NO))}) AND id IN (
            SELECT contact_id FROM temp.result WHERE op <> '{Op.CREATE}' AND code = 'not_held')""",
    # People the platform refuses, and those it no longer does.
    f"""DELETE FROM reject WHERE (destination, email, op, kind, target) IN (
            SELECT destination, email, op, kind, target FROM temp.result WHERE {_DONE})""",
)
_PARK = f"""
    INSERT OR REPLACE INTO reject(destination, email, op, kind, target, code, detail, run_id, at)
    SELECT destination, email, op, kind, target, code, detail, ?, ? FROM temp.result
    WHERE outcome = '{Outcome.REJECTED}'"""
_RETIRE = f"""
    UPDATE contact SET status = ?, status_at = ?
    WHERE id IN (SELECT contact_id FROM temp.result WHERE op = '{Op.RETIRE}' AND {_DONE})"""


_ADOPT = (
    f"UPDATE change SET outcome = '{Outcome.APPLIED}' WHERE seq BETWEEN ? AND ?",
    """INSERT OR IGNORE INTO contact(destination, email)
        SELECT s.destination, c.email FROM step s CROSS JOIN change c ON c.seq BETWEEN s.first_seq AND s.last_seq
        WHERE s.id = ?""",
    """INSERT OR IGNORE INTO target(destination, kind, name) SELECT destination, kind, target FROM step WHERE id = ?""",
    """INSERT OR IGNORE INTO membership(target_id, contact_id)
        SELECT t.id, k.id FROM step s CROSS JOIN change c ON c.seq BETWEEN s.first_seq AND s.last_seq
        JOIN target t ON t.destination = s.destination AND t.kind = s.kind AND t.name = s.target
        JOIN contact k ON k.destination = s.destination AND k.email = c.email WHERE s.id = ?""",
)


def settle(db: Database, answers: pa.Table, run_id: str, at: int, retired: Status | None) -> None:
    """Enter ANSWERS into journal and ledger. Inside the caller's transaction."""
    db.run("DELETE FROM temp.answer")
    db.load("INSERT INTO temp.answer VALUES (?, ?, ?, ?, ?)", answers.select(ANSWERS.names))
    db.run("DELETE FROM temp.result")
    for join in ("c.seq = a.seq", "c.carrier = a.seq"):
        db.run(_RESULTS.format(join=join, new_status=_NEW_STATUS))
    for statement in _STATEMENTS:
        db.run(statement)
    db.run(_PARK, [run_id, at])
    if retired is not None:
        db.run(_RETIRE, [retired, at])


def adopt(db: Database, run_id: str) -> None:
    """Enter what the platforms held already into the ledger. Inside the caller's transaction."""
    sql = "SELECT id, destination, first_seq, last_seq FROM step WHERE run_id = ? AND op = ?"
    for step, destination, first, last in db.rows(sql, [run_id, Op.ADOPT]):
        for statement in _ADOPT:
            db.run(statement, [first, last] if statement is _ADOPT[0] else [step])
        raise_revision(db, destination)


def raise_revision(db: Database, destination: str) -> None:
    """The ledger of a destination has changed: plans made from the former one are stale."""
    db.run(
        "INSERT INTO destination(name, revision) VALUES (?, 1) ON CONFLICT(name) DO UPDATE SET revision = revision + 1",
        [destination],
    )
