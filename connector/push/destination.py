"""One destination of a run, from the first doubt to the last batch.

Owns: the order of steps, what they need beforehand (targets, remote ids, carriers), requests in flight at once.
Must not: decide what an outcome means (delivery.py), know other destinations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.errors import AccountLimit, DestinationError, Interrupted
from connector.core.events import Listener, Progress
from connector.core.model import Kind, Op, Outcome, Target
from connector.platforms.base import ACCOUNT_LIMIT, NOT_HELD, NOT_VISIBLE, Adapter, TagStyle
from connector.platforms.http.limits import Clock
from connector.push import created, pending_jobs, recreated
from connector.push.batches import alike, target_of
from connector.push.delivery import Delivery, Halt
from connector.push.recheck import Sparing
from connector.reconcile import freshness
from connector.state.base import JournalBatch, Step, Store

RECORDED = (Op.ADOPT, Op.DISOWN)  # nothing is sent
# Memberships need the contact, under its present address, and an id that only creating it may give.
ORDER = ((Op.CREATE,), (Op.MOVE,), (Op.UPDATE,), (Op.ADD, Op.REMOVE), (Op.RESTORE,), (Op.UNSUBSCRIBE,), (Op.RETIRE,))


def push(
    store: Store,
    run_id: str,
    destination: str,
    adapter: Adapter,
    listener: Listener,
    clock: Clock,
    halt: Halt,
    everywhere: Mapping[str, Adapter] | None = None,
) -> None:
    """Send all that is left of the run to one destination. Returns early, with the reason in `halt`. `everywhere` are
    the platforms that are asked before somebody is archived."""
    steps = store.journal.steps(run_id, destination)
    sparing = Sparing(store, adapter, destination, everywhere, listener)
    delivery = Delivery(store, adapter, listener, clock, halt, sparing=sparing)
    try:
        if adapter.capabilities.tag_style is TagStyle.PROPERTY:
            _carry(delivery, store, run_id, destination, steps)
        if store.journal.jobs_abandoned(destination):  # they would put back what an older plan wanted
            pending_jobs.wait(destination, adapter, listener, clock)
            store.journal.jobs_over(destination)
        recreated.leave_out(store, run_id, destination, adapter, listener)
        freshness.refresh(store, run_id, destination, adapter, listener)
        store.journal.record(run_id, destination)
        joined = store.journal.join(run_id, destination) if adapter.capabilities.create_joins_lists else []
        _set_totals(delivery, steps)
        _know_targets(delivery, store, destination, steps)
        lists = tuple(delivery.target_ids[step] for step in steps if step.id in joined)
        delivery.joins = {step: lists for step in steps if step.op is Op.CREATE}
        _resolve(delivery, store, run_id, destination)
        for ops in ORDER:
            if ops[0] in (Op.UPDATE, Op.ADD) and not halt:
                store.journal.skip_uncreated(run_id, destination)
            _send(delivery, [step for step in steps if step.op in ops])
            _resolve(delivery, store, run_id, destination)
        store.journal.settle_shared(run_id, destination)
        if delivery.full and not halt:  # everything else was done
            text = f"{destination}: the account's plan lets nobody else in; the next push goes on by itself. It says: "
            raise AccountLimit(text + delivery.full, destination=destination, code=ACCOUNT_LIMIT)
    except Interrupted:
        halt.stop.set()
    except DestinationError as error:
        halt.error = halt.error or error
    except BaseException as error:  # noqa: BLE001  (raised again when the other destinations are done)
        halt.bug = halt.bug or error


def _carry(delivery: Delivery, store: Store, run_id: str, destination: str, steps: Sequence[Step]) -> None:
    """Tag changes ride in the CREATE or UPDATE of their contact; one that finds none waits for the next plan."""
    if store.journal.carry(run_id, destination):
        for step in steps:
            if step.kind is Kind.TAG and step.op in (Op.ADD, Op.REMOVE):
                delivery.settle(step, alike(store.journal.open_changes(step), Outcome.SKIPPED, "no_carrier"))


def _send(delivery: Delivery, steps: Sequence[Step]) -> None:
    journal, halt = delivery.store.journal, delivery.halt
    if halt:
        return
    counts = journal.open_counts(steps)
    left = [step for step in steps if step.id in counts]
    _know_ids(delivery, [step for step in left if delivery.spec(step).addressed_by == "id"])
    batches = [batch for step in left for batch in journal.cut(step, delivery.spec(step).max_batch)]
    with ThreadPoolExecutor(delivery.adapter.capabilities.concurrency, thread_name_prefix="push") as pool:
        list(pool.map(_guarded(delivery.deliver, halt), batches))


def _resolve(delivery: Delivery, store: Store, run_id: str, destination: str) -> None:
    """One after the other: unknown batches are rare. Sending again may leave parts unknown again, but smaller ones."""
    while not delivery.halt and (doubtful := store.journal.in_doubt(run_id, destination)):
        for batch in doubtful:
            if not delivery.halt:
                delivery.resolve(batch)


def _guarded(deliver: Callable[[JournalBatch], None], halt: Halt) -> Callable[[JournalBatch], None]:
    """In a worker thread, any failure ends the destination; its batch stays unknown."""

    def run(batch: JournalBatch) -> None:
        try:
            deliver(batch)
        except DestinationError as error:
            halt.error = halt.error or error
        except Interrupted:
            halt.stop.set()
        except BaseException as error:  # noqa: BLE001  (raised again when all is quiet)
            halt.bug = halt.bug or error

    return run


def _set_totals(delivery: Delivery, steps: Sequence[Step]) -> None:
    counts = delivery.store.journal.open_counts(steps)
    delivery.totals = {step: counts[step.id] for step in steps if step.id in counts}


def _know_targets(delivery: Delivery, store: Store, destination: str, steps: Sequence[Step]) -> None:
    """Every target's remote id: remembered, else made (ADD) or found (REMOVE)."""
    ids = store.target_ids(destination)
    unknown = [step for step in steps if step.kind and step.op not in RECORDED and (step.kind, step.target) not in ids]
    ensured = _targets(step for step in unknown if step.op is Op.ADD)
    if ensured:
        delivery.listener(Progress(destination, "preparing targets", 0, len(ensured)))
        made = delivery.adapter.ensure_targets(ensured)
        ids |= {(target.kind, target.name): remote_id for target, remote_id in made.items()}
    sought = [target for target in _targets(unknown) if (target.kind, target.name) not in ids]
    if sought:
        found = delivery.adapter.targets(frozenset(target.kind for target in sought))
        ids |= {
            (target.kind, target.name): found[key] for target in sought if (key := (target.kind, target.name)) in found
        }
    store.remember_targets(
        destination, {key: ids[key] for target in _targets(unknown) if (key := (target.kind, target.name)) in ids}
    )
    if ensured:  # those who left a list are left out of it, now that it is known which one the name means
        store.journal.skip_refusing(steps[0].run_id, destination)
    for step in steps:
        if step.kind and step.target and (step.kind, step.target) in ids:
            delivery.target_ids[step] = ids[step.kind, step.target]
        elif step.kind and step.op is Op.REMOVE:  # nobody is in a target that does not exist
            delivery.settle(step, alike(store.journal.open_changes(step), Outcome.UNCHANGED, "target_gone"))


def _targets(steps: Iterable[Step]) -> list[Target]:
    return list(dict.fromkeys(target for step in steps if (target := target_of(step)) is not None))


def _know_ids(delivery: Delivery, steps: Sequence[Step]) -> None:
    """Look up, once and in bulk, the remote ids that are missing. Who is not on the platform is skipped, and so
    is who turns out to have opted out."""
    store = delivery.store
    missing = [store.journal.without_id(step).column("email").combine_chunks() for step in steps]
    emails = pc.unique(pa.concat_arrays([pa.array([], pa.string()), *missing]))
    if not len(emails):
        return
    destination, seen = steps[0].destination, 0
    for table in delivery.adapter.lookup(emails.to_pylist()):
        store.observe(destination, table)
        seen += table.num_rows
        delivery.listener(Progress(destination, "looking up ids", min(seen, len(emails)), len(emails)))
    store.journal.skip_refusing(steps[0].run_id, destination)
    for step in steps:
        rows = store.journal.without_id(step)
        if not rows.num_rows:
            continue
        new = pc.is_in(rows["email"], value_set=created.emails(store, step))
        delivery.settle(step, alike(rows.filter(new), Outcome.SKIPPED, NOT_VISIBLE))
        outcome = Outcome.UNCHANGED if step.op is Op.REMOVE else Outcome.SKIPPED
        delivery.settle(step, alike(rows.filter(pc.invert(new)), outcome, NOT_HELD))
