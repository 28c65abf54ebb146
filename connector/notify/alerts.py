"""The alerts of one attempt: each cause is told once, and once when it is over, whichever runner it happens on.

Owns: the order of claiming, sending and giving back. Must not: raise, print, or change how the attempt ended.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from connector.config.sections.notify import Notify
from connector.core.counts import count_of
from connector.notify.causes import ALL, FAILING, REJECTED, causes, over
from connector.notify.message import Message, message
from connector.state.attempts import Attempt, Attempts

FIRST = "*/first-success"
Noting = Callable[[], AbstractContextManager[Attempts]]
Send = Callable[[Sequence[Message]], tuple[bool, list[str]]]


@dataclass(frozen=True, slots=True)
class Look:
    """What alerts look at beside the attempt: rejects by destination and code, members of targets before and after, and
    whether anything was ever pushed with this state."""

    rejects: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    before: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    after: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    first: bool = False
    back: str = ""  # what was said of the state while it could not be opened


@dataclass(frozen=True, slots=True)
class Told:
    """Whether there was nothing to say or somebody got it, and what went wrong."""

    taken: bool = True
    said: Sequence[str] = ()


TROUBLE = "push needs attention"


def tell(
    notify: Notify, attempt: Attempt, look: Look, noting: Noting, send: Send, project: str, secrets: Collection[str]
) -> Told:
    """Claims what nobody has told yet, sends it, and gives it back when nobody took it."""
    now = {key: cause for key, cause in causes(attempt, look.rejects).items() if cause.kind in notify.on}
    with noting() as attempts:
        told = {key: said for key, said in attempts.told().items() if key != FIRST}
        ended, replaced = over(attempt, now, told)
        gone = attempts.release([*ended, *replaced])
        new = attempts.claim({key: cause.said for key, cause in now.items()}, attempt.finished_at)
        first = look.first and attempt.exit_code in (0, 1) and any(_is_served(attempt))
        once = attempts.claim({FIRST: ""}, attempt.finished_at) if first else {}
    recovered = {key: said for key, said in gone.items() if key in ended}
    recoveries = [_over(key, said) for key, said in recovered.items()]
    recoveries += [f"The state works again. It was: {look.back}"] if look.back else []
    messages = [
        message(attempt, title, lines, bad=bad, project=project, secrets=secrets)
        for title, lines, bad in (
            (TROUBLE, list(new.values()), True),
            (
                "recovered",
                recoveries if "recovered" in notify.on else [],
                False,
            ),
            (
                "first success",
                ["The first push with this state is done."] if once and "first" in notify.on else [],
                False,
            ),
            ("unusual change of size", _sizes(notify, look) if "size" in notify.on else [], True),
        )
        if lines
    ]
    if not messages:
        return Told()
    taken, said = send(messages)
    if not taken:
        with noting() as attempts:
            attempts.release([*new, *once])
            attempts.claim(recovered, attempt.finished_at)
    return Told(taken, said)


def _is_served(attempt: Attempt) -> list[str]:
    return [name for name, side in attempt.sides.items() if side.ended == "served"]


def _over(key: str, said: str) -> str:
    name, _, code = key.partition("/")
    said = said.split(" If expected, ")[0].split(" See: ")[0]  # what was to be done then
    if code.startswith((REJECTED, FAILING)):
        return f"No longer: {said}"
    return f"{'Pushes work' if name == ALL else f'{name} works'} again. It was: {said.removeprefix(f'{name}: ')}"


def _sizes(notify: Notify, look: Look) -> list[str]:
    """Tags and lists that one push changed by more than is usual. A target that had nobody is not compared."""
    lines = []
    for name, targets in look.after.items():
        for target, size in targets.items():
            held = look.before.get(name, {}).get(target, 0)
            change = abs(size - held)
            if held and notify.size_change is not None and change > notify.floor:
                percent = 100 * change / held
                if percent > notify.size_change:
                    sign = "+" if size > held else "−"
                    lines.append(
                        f"{name} {target}: {count_of(held, 'member')} before, {size:,} now ({sign}{percent:.0f}%)"
                    )
    return lines
