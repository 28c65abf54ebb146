"""What outcomes mean for the ledger: the statements that run together in one transaction.

Owns: outcome -> contact, membership, reject and change rows. Must not: open a transaction, know a batch or a request.

APPLIED and UNCHANGED are done and enter the ledger. REJECTED is parked. SKIPPED leaves the ledger as it is, unless its
code says that the platform does not hold the contact. FAILED may have arrived all the same: its membership is neither
claimed nor denied, its fields are unknown, until a later run is answered; failures.py counts how often.

An UPDATE of which some fields were refused is sent again without them: `change.code` keeps the refusal until the answer
comes, the UPDATE stays REJECTED, and what rides in it gets the answer's outcome. So it is when the answer shows another
value than was sent (KEPT). What was taken enters the ledger (`result.taken`), what was not is parked.

A CREATE without an answer whose contact was found is APPLIED (FOUND), but others may have made it: its fields are
unknown, and what rode in it is FAILED unless the contact, as it was read since, has it.
"""

from __future__ import annotations

import pyarrow as pa

from connector.core.model import BLOCKED, FOUND, KEPT, NewContacts, Op, Outcome, Status, quoted
from connector.core.schemas import ANSWERS
from connector.state import failures, stages
from connector.state.drivers.driver import Driver

TEMPORARY = (
    """CREATE TEMP TABLE answer(seq INTEGER PRIMARY KEY, outcome TEXT, code TEXT, detail TEXT, remote_id TEXT,
        rest TEXT)""",
    """CREATE TEMP TABLE result(
        seq INTEGER PRIMARY KEY, destination TEXT, op TEXT, kind TEXT, target TEXT, email TEXT, fields TEXT,
        status TEXT, outcome TEXT, code TEXT, detail TEXT, remote_id TEXT, contact_id INTEGER, row_hash TEXT,
        old_email TEXT, taken INTEGER)""",
)

_DONE = f"outcome IN ('{Outcome.APPLIED}', '{Outcome.UNCHANGED}')"

_NOES = quoted(BLOCKED)
_IN_DOUBT = (
    f"outcome = '{Outcome.FAILED}' AND coalesce(code, '') NOT IN ('target_gone', 'not_offered', 'account_limit')"
)
# The platform does not hold the contact any more; "forgotten": it erased it for good.
_LOST = f"op <> '{Op.CREATE}' AND code IN ('not_held', 'forgotten')"
_ERASED = f"op <> '{Op.CREATE}' AND code = 'forgotten'"

_REPLACED = f"""temp.result r JOIN contact k ON k.destination = r.destination AND k.email = r.email
        AND r.op = '{Op.MOVE}' AND r.{_DONE} AND k.id <> r.contact_id"""
# Every target of the destination, so that memberships are found by their key and not by walking through all of them.
_OF_REPLACED = f"""(target_id, contact_id) IN (
            SELECT t.id, k.id FROM {_REPLACED} JOIN target t ON t.destination = r.destination)"""
_OF_LOST = f"""(target_id, contact_id) IN (
            SELECT t.id, r.contact_id FROM temp.result r JOIN target t ON t.destination = r.destination
            WHERE r.{_LOST})"""

# The answered changes and those that ride in them, with all that the statements below need. CROSS JOIN keeps SQLite
# from walking through all changes to find the few answered ones.
_RESULTS = """
    INSERT INTO temp.result
    SELECT c.seq, s.destination, s.op, coalesce(s.kind, ''), coalesce(s.target, ''), c.email,
           CASE WHEN c.fields IS NULL THEN NULL ELSE {fields} END, CASE WHEN s.op = 'create' THEN {new_status} END,
           CASE WHEN {refused} THEN 'rejected' WHEN {found} THEN 'failed' ELSE a.outcome END,
           CASE WHEN {refused} THEN coalesce(c.code, a.code) WHEN {found} THEN 'no_answer' ELSE a.code END,
           a.detail, a.remote_id, k.id, c.row_hash, c.old_email, CASE WHEN a.{done} THEN 1 ELSE 0 END
    FROM temp.answer a CROSS JOIN change c ON {join} JOIN step s ON s.id = c.step
    LEFT JOIN contact k ON k.destination = s.destination AND k.email = coalesce(c.old_email, c.email)
"""
_REFUSED = f"s.op = '{Op.UPDATE}' AND (c.code IS NOT NULL OR a.code = '{KEPT}') AND a.{_DONE}"  # see `refuse_fields`
# A tag that rode in a CREATE without an answer: there only where the contact, as it was read since, has it.
_HELD_TAGS = "char(31) || coalesce(k.tags, '') || char(31)"
_RODE = f"""s.op <> '{Op.CREATE}' AND a.code = '{FOUND}'
                AND replace({_HELD_TAGS}, char(31) || s.target || char(31), '') = {_HELD_TAGS}"""
_FOUND = f"op = '{Op.CREATE}' AND coalesce(code, '') = '{FOUND}'"
_TAKEN_FIELDS, _LEFT_FIELDS = "coalesce(a.rest, c.fields)", "a.rest"  # of what was answered, of what is sent again
_NEW_STATUS = (
    f"CASE c.new_status WHEN '{NewContacts.SUBSCRIBED}' THEN '{Status.SUBSCRIBED}' "
    f"WHEN '{NewContacts.PENDING}' THEN '{Status.PENDING}' ELSE '{Status.NEVER_SUBSCRIBED}' END"
)

_CONTACTS = (
    # The journal.
    f"""UPDATE change SET (outcome, code, previous) = (
            SELECT r.outcome, r.code, CASE WHEN r.op = '{Op.UPDATE}' AND r.taken = 1
                   THEN (SELECT k.fields FROM contact k WHERE k.id = r.contact_id) END
            FROM temp.result r WHERE r.seq = change.seq)
        WHERE seq IN (SELECT seq FROM temp.result)""",
    # A contact that the platform had lost and now holds again is in no target and has no fields but the new ones.
    *(
        f"""DELETE FROM {table} WHERE (target_id, contact_id) IN (
            SELECT t.id, k.id FROM temp.result r
            JOIN contact k ON k.id = r.contact_id AND k.status = '{Status.ABSENT}'
            JOIN target t ON t.destination = r.destination
            WHERE r.op = '{Op.CREATE}' AND r.outcome = '{Outcome.APPLIED}')"""
        for table in ("membership", "membership_doubt")
    ),
    f"""INSERT INTO contact(destination, email, remote_id, status, fields, held_before)
        SELECT destination, email, remote_id, status, CASE WHEN {_FOUND} THEN NULL ELSE fields END, 1
        FROM temp.result WHERE op = '{Op.CREATE}' AND {_DONE}
        ON CONFLICT(destination, email) DO UPDATE SET
            remote_id = CASE WHEN contact.status = '{Status.ABSENT}' THEN excluded.remote_id
                        ELSE coalesce(excluded.remote_id, contact.remote_id) END,
            fields = excluded.fields, held_before = 1, lost = 0,
            status = CASE WHEN coalesce(contact.status, '{Status.ABSENT}') = '{Status.ABSENT}'
                     THEN excluded.status ELSE contact.status END""",
)
# A contact that has a new address keeps its row, and so its memberships. What was noted of the new address, which the
# platform did not hold, gives way; but not an opt-out, which may have happened there since.
_MOVED = (
    f"""UPDATE contact SET (status, status_at) = (
            SELECT k.status, k.status_at FROM {_REPLACED} WHERE r.contact_id = contact.id)
        WHERE id IN (SELECT r.contact_id FROM {_REPLACED} AND k.status IN ({_NOES}))""",
    f"""DELETE FROM membership WHERE {_OF_REPLACED}""",
    f"""DELETE FROM membership_doubt WHERE {_OF_REPLACED}""",
    f"""DELETE FROM field_doubt WHERE contact_id IN (SELECT k.id FROM {_REPLACED})""",
    f"""DELETE FROM contact WHERE id IN (SELECT k.id FROM {_REPLACED})""",
    f"""UPDATE contact SET email = r.email FROM temp.result r
        WHERE r.contact_id = contact.id AND r.op = '{Op.MOVE}' AND r.{_DONE}""",
    f"""UPDATE frozen_member SET email = r.email FROM temp.result r
        WHERE frozen_member.email = r.old_email AND r.op = '{Op.MOVE}' AND r.{_DONE}
          AND NOT EXISTS (SELECT 1 FROM frozen_member f
                          WHERE f.segment = frozen_member.segment AND f.email = r.email)""",
    f"""DELETE FROM engagement WHERE (destination, email) IN (
            SELECT destination, email FROM temp.result WHERE op = '{Op.MOVE}' AND {_DONE})""",
    f"""UPDATE engagement SET email = r.email FROM temp.result r
        WHERE engagement.destination = r.destination AND engagement.email = r.old_email
          AND r.op = '{Op.MOVE}' AND r.{_DONE}""",
    f"""DELETE FROM activity_mark WHERE (destination, email) IN (
            SELECT destination, email FROM temp.result WHERE op = '{Op.MOVE}' AND {_DONE})""",
    f"""UPDATE activity_mark SET email = r.email FROM temp.result r
        WHERE activity_mark.destination = r.destination AND activity_mark.email = r.old_email
          AND r.op = '{Op.MOVE}' AND r.{_DONE}""",
    f"""UPDATE stage_entry SET email = r.email FROM temp.result r
        WHERE stage_entry.destination = r.destination AND stage_entry.email = r.old_email
          AND r.op = '{Op.MOVE}' AND r.{_DONE}""",
)
_MEMBERSHIPS = (
    f"""INSERT INTO contact(destination, email, remote_id, fields, held_before)
        SELECT destination, email, max(remote_id), max(fields), 1 FROM temp.result
        WHERE op <> '{Op.CREATE}' AND taken = 1 GROUP BY destination, email
        ON CONFLICT(destination, email) DO UPDATE SET
            remote_id = coalesce(excluded.remote_id, contact.remote_id),
            fields = CASE WHEN excluded.fields IS NULL THEN contact.fields
                     ELSE json_patch(coalesce(contact.fields, '{{}}'), excluded.fields) END""",
    """UPDATE temp.result SET contact_id =
            (SELECT k.id FROM contact k WHERE k.destination = result.destination AND k.email = result.email)
        WHERE contact_id IS NULL""",
    f"""INSERT OR IGNORE INTO target(destination, kind, name)
        SELECT DISTINCT destination, kind, target FROM temp.result
        WHERE op = '{Op.ADD}' AND ({_DONE} OR {_IN_DOUBT})""",
    f"""INSERT OR IGNORE INTO membership(target_id, contact_id)
        SELECT t.id, r.contact_id FROM temp.result r
        JOIN target t ON t.destination = r.destination AND t.kind = r.kind AND t.name = r.target
        WHERE r.op = '{Op.ADD}' AND r.{_DONE}""",
    f"""DELETE FROM membership WHERE (target_id, contact_id) IN (
            SELECT t.id, r.contact_id FROM temp.result r
            JOIN target t ON t.destination = r.destination AND t.kind = r.kind AND t.name = r.target
            WHERE r.op = '{Op.REMOVE}' AND r.{_DONE} OR r.op IN ('{Op.ADD}', '{Op.REMOVE}') AND r.{_IN_DOUBT})""",
    f"""DELETE FROM membership_doubt WHERE (target_id, contact_id) IN (
            SELECT t.id, r.contact_id FROM temp.result r
            JOIN target t ON t.destination = r.destination AND t.kind = r.kind AND t.name = r.target
            WHERE r.op IN ('{Op.ADD}', '{Op.REMOVE}') AND r.{_DONE})""",
    f"""DELETE FROM field_doubt WHERE EXISTS (
            SELECT 1 FROM temp.result r WHERE r.contact_id = field_doubt.contact_id
            AND r.op IN ('{Op.CREATE}', '{Op.UPDATE}') AND r.{_DONE} AND r.fields IS NOT NULL
            AND coalesce(r.code, '') <> '{FOUND}'
            AND NOT EXISTS (SELECT 1 FROM json_each(field_doubt.fields) d
                            WHERE d.key NOT IN (SELECT s.key FROM json_each(r.fields) s)))""",
)
_DOUBTFUL = (
    f"""INSERT OR IGNORE INTO membership_doubt(target_id, contact_id)
        SELECT t.id, r.contact_id FROM temp.result r
        JOIN target t ON t.destination = r.destination AND t.kind = r.kind AND t.name = r.target
        WHERE r.op IN ('{Op.ADD}', '{Op.REMOVE}') AND r.{_IN_DOUBT} AND r.contact_id IS NOT NULL""",
    f"""INSERT OR IGNORE INTO field_doubt(contact_id, fields)
        SELECT contact_id, fields FROM temp.result
        WHERE (op IN ('{Op.CREATE}', '{Op.UPDATE}') AND {_IN_DOUBT} OR {_FOUND}) AND fields IS NOT NULL
          AND contact_id IS NOT NULL""",
)
# A contact that the platform does not hold any more; an opt-out outlives that, and so does the id, under which the
# contact may live on with another address. Should others bring the contact back, nobody knows what it has: until then
# there is nothing to ask for (`lost`).
_GONE = (
    f"""INSERT OR IGNORE INTO membership_doubt(target_id, contact_id)
        SELECT target_id, contact_id FROM membership WHERE {_OF_LOST}""",
    f"""DELETE FROM membership WHERE {_OF_LOST}""",
    f"""UPDATE contact SET fields = NULL, lost = 1 WHERE id IN (SELECT contact_id FROM temp.result WHERE {_LOST})""",
    f"""UPDATE contact SET status = CASE
            WHEN id IN (SELECT contact_id FROM temp.result WHERE {_ERASED}) THEN '{Status.FORGOTTEN}'
            ELSE '{Status.ABSENT}' END
        WHERE coalesce(status, '') NOT IN ({_NOES}) AND id IN (
            SELECT contact_id FROM temp.result WHERE {_LOST})""",
)
# People the platform no longer refuses, and those it does.
_TAKEN = f"""DELETE FROM reject WHERE (destination, email, op, kind, target) IN (
            SELECT destination, email, op, kind, target FROM temp.result WHERE {_DONE})"""
_PARK = f"""
    INSERT INTO reject(destination, email, op, kind, target, code, detail, row_hash, run_id, at)
    SELECT destination, email, op, kind, target, code, detail, row_hash, ?, ? FROM temp.result
    WHERE outcome = '{Outcome.REJECTED}'
    ON CONFLICT(destination, email, op, kind, target) DO UPDATE SET
        detail = CASE WHEN excluded.code = reject.code AND coalesce(excluded.detail, '') = '' THEN reject.detail
                 ELSE excluded.detail END,
        code = excluded.code, row_hash = excluded.row_hash,
        run_id = excluded.run_id, at = excluded.at"""
# A contact that was created, but for some of its values.
_PARK_KEPT = f"""
    INSERT INTO reject(destination, email, op, kind, target, code, detail, row_hash, run_id, at)
    SELECT destination, email, '{Op.UPDATE}', kind, target, code, detail, row_hash, ?, ? FROM temp.result
    WHERE op = '{Op.CREATE}' AND code = '{KEPT}' AND {_DONE}
    ON CONFLICT(destination, email, op, kind, target) DO UPDATE SET
        detail = excluded.detail, code = excluded.code, row_hash = excluded.row_hash,
        run_id = excluded.run_id, at = excluded.at"""
_AS_FIELDS = f"UPDATE temp.result SET op = '{Op.UPDATE}'"  # what is parked is the fields, also those of a CREATE
# Who is refused even without fields is refused as a person.
_PERSON_REFUSED = f"""
    DELETE FROM reject WHERE op = '{Op.UPDATE}' AND (destination, email) IN (
        SELECT destination, email FROM temp.result WHERE op = '{Op.CREATE}' AND outcome = '{Outcome.REJECTED}')"""
_FIELDS_REFUSED = """
    UPDATE change SET (fields, code) = (SELECT r.fields, r.code FROM temp.result r WHERE r.seq = change.seq)
    WHERE seq IN (SELECT seq FROM temp.result)"""
# Older versions parked people that the platform had lost, and then planned for them what nothing could bring.
_UNPARK_LOST = "DELETE FROM reject WHERE code = 'not_held'"
_RETIRE = f"""
    UPDATE contact SET status = ?, status_at = ?
    WHERE id IN (SELECT contact_id FROM temp.result WHERE op IN ('{Op.RETIRE}', '{Op.UNSUBSCRIBE}') AND {_DONE})"""
# Back to what the contact was before we archived it; the person's own opt-outs were never undone.
_RESTORE = f"""
    UPDATE contact SET status_at = NULL, status = coalesce((
        SELECT e.status FROM stage_entry e WHERE e.destination = contact.destination AND e.email = contact.email
          AND e.stage = 'retired' AND e.left_at IS NULL), '{Status.NEVER_SUBSCRIBED}')
    WHERE status IN ('{Status.SUPPRESSED}', '{Status.ARCHIVED}')
      AND id IN (SELECT contact_id FROM temp.result WHERE op = '{Op.RESTORE}' AND {_DONE})"""

# Most batches need few of the statements, and each costs as much as ten rows.
_FACTS = f"""
    SELECT count(*) FILTER (WHERE op = '{Op.MOVE}'), count(*) FILTER (WHERE {_IN_DOUBT} OR {_FOUND}),
           count(*) FILTER (WHERE {_LOST}), count(*) FILTER (WHERE outcome = '{Outcome.REJECTED}'),
           count(*) FILTER (WHERE op = '{Op.RESTORE}'), count(*) FILTER (WHERE op = '{Op.CREATE}' AND code = '{KEPT}'),
           count(*) FILTER (WHERE outcome = '{Outcome.FAILED}')
    FROM temp.result"""
_RECORDED = f"UPDATE change SET outcome = '{Outcome.APPLIED}' WHERE seq BETWEEN ? AND ? AND outcome IS NULL"
# Those of a step: an ADOPT of somebody who opted out since the plan was skipped.
_CHANGED = f"""step s CROSS JOIN change c ON c.seq BETWEEN s.first_seq AND s.last_seq
        AND c.outcome = '{Outcome.APPLIED}'"""
_DISOWN = (
    f"""DELETE FROM membership WHERE (target_id, contact_id) IN (
        SELECT t.id, k.id FROM {_CHANGED}
        JOIN target t ON t.destination = s.destination AND t.kind = s.kind AND t.name = s.target
        JOIN contact k ON k.destination = s.destination AND k.email = c.email WHERE s.id = ?)""",
)
_ADOPT = (
    f"""INSERT OR IGNORE INTO contact(destination, email)
        SELECT s.destination, c.email FROM {_CHANGED} WHERE s.id = ?""",
    """INSERT OR IGNORE INTO target(destination, kind, name) SELECT destination, kind, target FROM step WHERE id = ?""",
    f"""INSERT OR IGNORE INTO membership(target_id, contact_id)
        SELECT t.id, k.id FROM {_CHANGED}
        JOIN target t ON t.destination = s.destination AND t.kind = s.kind AND t.name = s.target
        JOIN contact k ON k.destination = s.destination AND k.email = c.email WHERE s.id = ?""",
)


def settle(db: Driver, answers: pa.Table, run_id: str, at: int, retired: Status | None) -> None:
    """Enter ANSWERS into journal and ledger. Inside the caller's transaction."""
    _answered(db, answers)
    enter(db, run_id, at, retired)


def enter(db: Driver, run_id: str, at: int, retired: Status | None) -> None:
    """What is in temp.answer, into journal and ledger. Inside the caller's transaction."""
    _results(db, "c.seq = a.seq", "c.carrier = a.seq AND c.outcome IS NULL")
    ((moved, doubtful, gone, refused, restored, kept, failed),) = db.rows(_FACTS)
    rare = ((_CONTACTS, 1), (_MOVED, moved), (_MEMBERSHIPS, 1), (_DOUBTFUL, doubtful), (_GONE, gone))
    for statement in (one for statements, needed in rare if needed for one in statements):
        db.run(statement)
    db.run(_TAKEN)
    if refused:
        db.run(_PARK, [run_id, at])
        db.run(_PERSON_REFUSED)
    if kept:
        db.run(_PARK_KEPT, [run_id, at])
    if failed or failures.known(db):
        failures.settle(db, run_id, at, failed)
    if restored:
        db.run(_RESTORE)
    stages.settle(db)
    if retired is not None:
        db.run(_RETIRE, [retired, at])


def refuse_fields(db: Driver, answers: pa.Table, run_id: str, at: int) -> None:
    """Park the refused fields of CREATEs and UPDATEs whose ANSWERS are REJECTED; the rest of them stays open. Inside
    the caller's transaction."""
    _answered(db, answers)
    _results(db, "c.seq = a.seq", fields=_LEFT_FIELDS)
    db.run(_AS_FIELDS)
    db.run(_PARK, [run_id, at])
    db.run(_FIELDS_REFUSED)


def _answered(db: Driver, answers: pa.Table) -> None:
    db.run("DELETE FROM temp.answer")
    db.load("INSERT INTO temp.answer VALUES (?, ?, ?, ?, ?, ?)", answers.select(ANSWERS.names))


def _results(db: Driver, *joins: str, fields: str = _TAKEN_FIELDS) -> None:
    db.run("DELETE FROM temp.result")
    for join in joins:
        db.run(
            _RESULTS.format(join=join, new_status=_NEW_STATUS, refused=_REFUSED, found=_RODE, fields=fields, done=_DONE)
        )


def unpark_lost(db: Driver) -> None:
    """Inside the caller's transaction."""
    db.run(_UNPARK_LOST)


def record(db: Driver, run_id: str, destination: str) -> None:
    """Enter into the ledger what sends nothing: what the platform held already (ADOPT), and what is ours no longer
    (DISOWN). Inside the caller's transaction."""
    sql = "SELECT id, first_seq, last_seq FROM step WHERE run_id = ? AND destination = ? AND op = ?"
    for op, statements in ((Op.ADOPT, _ADOPT), (Op.DISOWN, _DISOWN)):
        for step, first, last in db.rows(sql, [run_id, destination, op]):
            db.run(_RECORDED, [first, last])
            if db.changed():
                for statement in statements:
                    db.run(statement, [step])
                raise_revision(db, destination)
    stages.adopted(db, run_id, destination)


def raise_revision(db: Driver, destination: str) -> None:
    """The ledger of a destination has changed: plans made from the former one are stale."""
    db.run(
        "INSERT INTO destination(name, revision) VALUES (?, 1) "
        "ON CONFLICT(name) DO UPDATE SET revision = destination.revision + 1",
        [destination],
    )
