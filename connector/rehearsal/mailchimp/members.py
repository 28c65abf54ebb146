"""Members of an audience, as the rehearsed Mailchimp keeps them.

Owns: /lists/{id} (batch), /lists/{id}/members and below but tags. Must not: decide whether a row is
acceptable (mailchimp_rules does).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connector.rehearsal.core.world import Refusal, Request, Response, Route, World
from connector.rehearsal.mailchimp import store, wire
from connector.rehearsal.mailchimp.lists import fields_of
from connector.rehearsal.mailchimp.rules import SAID_NO, STATUSES, Member, RowError, apply, schema_faults

BATCH = 500
NOT_ARCHIVABLE = ("cleaned", "pending", "archived")
_SORTS = {"timestamp_opt": "opt", "timestamp_signup": "signup", "last_changed": "changed"}


def routes() -> list[Route]:
    one = "/3.0/lists/{list_id}/members/{subscriber_hash}"
    return [
        Route("POST", "/3.0/lists/{list_id}", post_batch),
        Route("GET", "/3.0/lists/{list_id}/members", get_members),
        Route("POST", "/3.0/lists/{list_id}/members", post_member),
        Route("GET", one, get_member),
        Route("PUT", one, put_member),
        Route("PATCH", one, patch_member),
        Route("DELETE", one, archive_member),
        Route("POST", one + "/actions/delete-permanent", delete_permanent),
    ]


def post_batch(world: World, request: Request) -> Response:
    """Up to 500 rows, each accepted or refused by itself. The answer is 200 even when every row is refused."""
    list_id = wire.audience(world, request)
    body = wire.body_object(request, "members")
    items = _checked_items(body["members"])
    items = _without_repeats(items, wire.flag(request, "skip_duplicate_check"))
    hashes = [wire.subscriber_hash(item["email_address"]) for item in items]
    held, erased = store.load(world, list_id, hashes), store.forgotten(world, list_id, hashes)
    described, now = fields_of(world, list_id), wire.stamp(world.now())
    done: dict[str, Member] = {}
    errors = []
    for item, hash in zip(items, hashes, strict=True):
        try:
            if hash in held and not body.get("update_existing"):
                raise _exists(item["email_address"])
            done[hash] = apply(
                item,
                held.get(hash),
                described,
                now,
                hash=hash,
                forgotten=hash in erased,
                skip_required=wire.flag(request, "skip_merge_validation"),
            )
        except RowError as error:
            errors.append(_error_row(item["email_address"], error))
    store.save(world, list_id, done.values())
    if body.get("sync_tags"):
        wanted = {hash: item.get("tags") or [] for item, hash in zip(items, hashes, strict=True) if hash in done}
        store.replace_all(world, list_id, wanted)
    created = store.documents(world, list_id, list(store.load(world, list_id, done.keys() - held.keys()).values()))
    updated = store.documents(world, list_id, [done[hash] for hash in done if hash in held])
    answer = {
        "new_members": created,
        "updated_members": updated,
        "errors": errors,
        "total_created": len(created),
        "total_updated": len(updated),
        "error_count": len(errors),
        "_links": [],
    }
    return Response(body=answer)


def _checked_items(items: Any) -> list[dict[str, Any]]:
    """The rows of a batch; one that does not fit the schema refuses them all."""
    if not isinstance(items, list):
        raise wire.invalid(("members", "Schema describes array, another type was found instead."))
    if len(items) > BATCH:
        raise wire.invalid(("members", f"This collection should contain {BATCH} elements or less."))
    faults = []
    for index, item in enumerate(items):
        faults += schema_faults(item, f"members.item:{index}.")
        if isinstance(item, dict) and not item.get("email_address"):
            faults.append((f"members.item:{index}.email_address", "Required field missing."))
    if faults:
        raise wire.invalid(*faults)
    return [_with_times(item, f"members.item:{index}.") for index, item in enumerate(items)]


def _without_repeats(items: list[dict[str, Any]], skip: bool) -> list[dict[str, Any]]:
    """An address that is there twice refuses the batch, or is taken where it is first."""
    first = {wire.subscriber_hash(item["email_address"]): item for item in reversed(items)}
    if len(first) < len(items) and not skip:
        raise wire.invalid(detail="Duplicate items found in the members of this request.")
    return list(reversed(first.values()))


def _with_times(item: dict[str, Any], where: str = "") -> dict[str, Any]:
    times = {name: item[name] for name in ("timestamp_opt", "timestamp_signup") if item.get(name)}
    return item | {name: wire.parse_time(str(value), where + name) for name, value in times.items()}


def _exists(email: str) -> RowError:
    detail = f"{email} is already a list member. Use PUT, or update_existing in a batch, to change list members."
    return RowError("Member Exists", detail, "ERROR_CONTACT_EXISTS")


def _error_row(email: str, error: RowError) -> dict[str, str]:
    return {
        "email_address": email,
        "error": error.detail,
        "error_code": error.code,
        "field": error.field,
        "field_message": error.message,
    }


def get_members(world: World, request: Request) -> Response:
    """A page of members; archived ones only when asked for by status."""
    list_id = wire.audience(world, request)
    count, offset = wire.page(request)
    where, values = _filters(request, list_id)
    order = f"{_SORTS.get(request.first('sort_field'), 'number')} {_direction(request)}, number"
    rows = world.db.execute(
        f"SELECT {store.COLUMNS} FROM mc_members WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?",
        (*values, count, offset),
    )
    shown = store.documents(world, list_id, list(map(store.from_row, rows)))
    (total,) = world.db.execute(f"SELECT count(*) FROM mc_members WHERE {where}", values).fetchone()
    return wire.select(request, {"members": shown, "list_id": list_id, "total_items": total, "_links": []})


def _direction(request: Request) -> str:
    return "DESC" if request.first("sort_dir").upper() == "DESC" else "ASC"


def _filters(request: Request, list_id: str) -> tuple[str, list[str]]:
    status = request.first("status")
    if status and status not in (*STATUSES, "archived"):
        raise wire.invalid(("status", "Data presented is not one of the accepted values."))
    if request.first("unsubscribed_since") and status != "unsubscribed":
        raise wire.invalid(("unsubscribed_since", "This needs status=unsubscribed."))
    where, values = ["list_id = ?", "status = ?" if status else "status <> ?"], [list_id, status or "archived"]
    bounds = {
        "since_last_changed": "changed > ?",  # exclusive, to the second
        "before_last_changed": "changed < ?",
        "since_timestamp_opt": "opt > ?",
        "before_timestamp_opt": "opt < ?",
        "unsubscribed_since": "changed > ?",
    }
    for name, condition in bounds.items():
        if text := request.first(name):
            where.append(condition)
            values.append(wire.parse_time(text, name))
    for name, column in (("email_type", "email_type"), ("unique_email_id", "substr(hash, 1, 10)")):
        if text := request.first(name):
            where.append(f"{column} = ?")
            values.append(text)
    if wire.flag(request, "vip_only"):
        where.append("vip")
    return " AND ".join(where), values


def post_member(world: World, request: Request) -> Response:
    list_id = wire.audience(world, request)
    item = wire.body_object(request, "email_address", "status")
    hash = wire.subscriber_hash(str(item["email_address"]))
    if hash in store.load(world, list_id, [hash]):
        exists = _exists(item["email_address"])
        raise Refusal(wire.problem(400, exists.detail, exists.title))
    answer = _upsert(world, request, list_id, hash, item)
    if names := [name for name in item.get("tags") or [] if isinstance(name, str)]:
        store.set_tags(world, list_id, hash, dict.fromkeys(names, True))
        answer = _answer(world, list_id, hash)
    return answer


def put_member(world: World, request: Request) -> Response:
    list_id = wire.audience(world, request)
    item = wire.body_object(request, "email_address")
    held = store.find(world, list_id, request.params["subscriber_hash"])
    hash = held.hash if held else wire.subscriber_hash(str(item["email_address"]))
    return _upsert(world, request, list_id, hash, item)


def patch_member(world: World, request: Request) -> Response:
    list_id = wire.audience(world, request)
    member = store.required(world, list_id, request.params["subscriber_hash"])
    item = {"email_address": member.email} | wire.body_object(request)
    hash = _readdressed(world, list_id, member, str(item["email_address"]))
    return _upsert(world, request, list_id, hash, item)


def _readdressed(world: World, list_id: str, member: Member, email: str) -> str:
    """The hash under the address that the request names. A member with another address keeps tags and status; one who
    opted out, or whose new address is taken or erased, keeps the old one."""
    hash = wire.subscriber_hash(email)
    if hash == member.hash:
        return hash
    if member.last_word in SAID_NO or member.status == "archived":
        detail = f"{member.email} is in a compliance state and its address cannot be changed."
        raise Refusal(wire.problem(400, detail, "Member In Compliance State"))
    if store.load(world, list_id, [hash]):
        exists = _exists(email)
        raise Refusal(wire.problem(400, exists.detail, exists.title))
    if store.forgotten(world, list_id, [hash]):
        detail = f"{email} was permanently deleted and cannot be re-imported."
        raise Refusal(wire.problem(400, detail, "Forgotten Email Not Subscribed"))
    store.rename(world, list_id, member.hash, hash)
    return hash


def _upsert(world: World, request: Request, list_id: str, hash: str, item: dict[str, Any]) -> Response:
    if faults := schema_faults(item):
        raise wire.invalid(*faults)
    try:
        member = apply(
            _with_times(item),
            store.load(world, list_id, [hash]).get(hash),
            fields_of(world, list_id),
            wire.stamp(world.now()),
            hash=hash,
            forgotten=bool(store.forgotten(world, list_id, [hash])),
            skip_required=wire.flag(request, "skip_merge_validation"),
        )
    except RowError as error:
        errors = [(error.field, error.message)] if error.field else []
        raise Refusal(wire.problem(400, error.detail, error.title, errors)) from None
    store.save(world, list_id, [member])
    return _answer(world, list_id, hash)


def _answer(world: World, list_id: str, hash: str) -> Response:
    return Response(body=store.documents(world, list_id, list(store.load(world, list_id, [hash]).values()))[0])


def get_member(world: World, request: Request) -> Response:
    list_id = wire.audience(world, request)
    member = store.required(world, list_id, request.params["subscriber_hash"])
    return wire.select(request, store.documents(world, list_id, [member])[0])


def archive_member(world: World, request: Request) -> Response:
    """Archived members keep their data and tags; what they said about consent is kept too."""
    list_id = wire.audience(world, request)
    member = store.required(world, list_id, request.params["subscriber_hash"])
    if member.status in NOT_ARCHIVABLE:
        detail = "This list member cannot be removed. Can not archive a contact that is bounced, pending or archived"
        raise Refusal(wire.problem(405, detail))
    now = wire.stamp(world.now())
    store.save(world, list_id, [replace(member, status="archived", was=member.status, changed=now)])
    return Response(204)


def delete_permanent(world: World, request: Request) -> Response:
    """Erase; the address can never be imported again. The path takes the hash only."""
    list_id = wire.audience(world, request)
    hash = request.params["subscriber_hash"].lower()
    if hash not in store.load(world, list_id, [hash]):
        raise wire.not_found()
    store.replace_all(world, list_id, {hash: []})
    world.db.execute("DELETE FROM mc_members WHERE list_id = ? AND hash = ?", (list_id, hash))
    world.db.execute("INSERT OR IGNORE INTO mc_forgotten VALUES (?, ?)", (list_id, hash))
    return Response(204)
