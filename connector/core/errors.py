"""The one tree of failures, grouped by what the reader does next.

    ConnectorError                  exit code
    ├── ConfigError                 2   fix segments.yaml or the command line
    ├── SourceError                 2   fix the export
    ├── PlanError                   3   look again
    │   ├── Unsafe                      a guard refused; override it by name, with a reason
    │   └── Stale                       a saved plan no longer fits what it was made from
    ├── StateError                  4   the ledger cannot be used
    │   ├── StateAddress                --state is no address of a state
    │   ├── LeaseHeld                   another process holds it
    │   │   └── LeaseLost               it was ours, and may be another's by now
    │   └── TooNew                      written by a newer version
    ├── DestinationError            4   a platform cannot be worked with
    │   ├── Auth                        key wrong, or may not do this
    │   │   └── MissingScope                …the key is right and lacks a right
    │   ├── NotSent                     refused or failed here, before the request left
    │   ├── OtherAccount                the key opens another account than the state's
    │   ├── Refused                     the request as a whole was refused
    │   │   ├── Gone                        …what it names is not there: a target that was deleted, a job
    │   │   ├── AccountLimit                …the account's plan is full, or its allowance used up
    │   │   ├── BadRecords                  …because of named records; the rest may be sent again
    │   │   └── TooLarge                    …because of its size; halve it
    │   ├── Retryable                   transient, tries used up
    │   │   └── Unanswered                  sent, no answer: what happened is unknown
    │   └── ContractError               the answer is not of the documented shape
    └── Interrupted                 130 stopped by the user

Owns: classes, exit codes. Must not: print, log, or carry addresses, secrets or request bodies in a text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from connector.core import scrub

if TYPE_CHECKING:
    from connector.core.problem import Problem


_MESSAGE = 1000  # signs of a message about a platform


class ConnectorError(Exception):
    """Any failure that is ours to explain. Its text says what, where, why and what to do."""

    kind = "error"

    exit_code = 4


class WithProblems(ConnectorError):
    """A failure made of one or more places in the user's files."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ConfigError(WithProblems):
    """segments.yaml or an option cannot be understood."""

    kind = "configuration"


class PredictionRefused(ConfigError):
    """A rule or a field asks for predictions that may not be used. `why` tells it for each of their names."""

    def __init__(self, problems: Sequence[Problem], why: Mapping[str, str]) -> None:
        super().__init__(problems)
        self.why = dict(why)


class SourceError(WithProblems):
    """An export is missing, unreadable, too old, or not what segments.yaml says it is."""

    kind = "export"


class PlanError(ConnectorError):
    """The plan must be looked at again before anything is sent."""

    kind = "plan"

    exit_code = 3


class Unsafe(PlanError):
    """A guard refused. `guards` are the names to pass to --allow, one by one."""

    kind = "guard"

    def __init__(self, message: str, guards: Sequence[str] = ()) -> None:
        self.guards = tuple(guards)
        super().__init__(message)


class Stale(PlanError):
    """A saved plan was made from a source, ledger or file that has changed since."""

    kind = "stale-plan"


class StateError(ConnectorError):
    """The ledger cannot be read or written."""

    kind = "state"


class StateAddress(StateError):
    """What --state says is no address of a state. Says nothing of it but its scheme: it may hold a password."""


class LeaseHeld(StateError):
    """Another process is working on the same state."""

    kind = "in-use"


class LeaseLost(LeaseHeld):
    """This process held the state, and cannot prove any more that it does."""


class TooNew(StateError):
    """The state was written by a newer version of the connector."""


class DestinationError(ConnectorError):
    """A platform cannot be worked with. `destination` is its name in segments.yaml. Whatever of the platform's words
    is in `message` and `code` is scrubbed here."""

    kind = "destination"

    def __init__(self, message: str, *, destination: str = "", code: str = "") -> None:
        self.destination = destination
        self.code = scrub.code(code)
        self.also: dict[str, DestinationError] = {}  # other destinations that could not be worked with
        super().__init__(scrub.scrub(message, _MESSAGE))


class Auth(DestinationError):
    """The key is wrong, expired, or lacks a scope."""

    kind = "unauthorised"


class NotSent(DestinationError):
    """Found before the writing request left, by a check or a reading: nothing of the batch is unknown."""


class MissingScope(Auth):
    """The key is right, and lacks a right."""

    kind = "missing-right"


class OtherAccount(DestinationError):
    """The key opens another account than the one that the state belongs to."""

    kind = "other-account"


class Refused(DestinationError):
    """The platform refused the request as a whole; sending it again unchanged cannot help."""

    kind = "refused-by-platform"


class Gone(Refused):
    """The platform does not have what the request names: a target that was deleted there, a contact, a job."""


class AccountLimit(Refused):
    """What the account's plan allows is used up: no fault of a person, and the next run goes on by itself."""


class BadRecords(Refused):
    """One bad record made the platform refuse the whole batch.

    `culprits` maps the record's index in the batch to (code, detail). Empty when the platform does
    not say which record it was: halve the batch until the bad one stands alone. `fields` names the fields of
    culprits whose values were refused, as far as the platform says.
    """

    def __init__(
        self,
        message: str,
        culprits: dict[int, tuple[str, str]],
        *,
        destination: str = "",
        code: str = "",
        fields: Mapping[int, tuple[str, ...]] | None = None,
    ) -> None:
        self.fields = dict(fields or {})
        self.culprits = {index: (scrub.code(what), scrub.scrub(why)) for index, (what, why) in culprits.items()}
        super().__init__(message, destination=destination, code=code)


class TooLarge(Refused):
    """The body is over the platform's cap; halve the batch."""


class Retryable(DestinationError):
    """A transient trouble of the request. `retry_after` is in seconds, when the platform said so."""

    kind = "unreachable"

    def __init__(
        self,
        message: str,
        *,
        destination: str = "",
        code: str = "",
        retry_after: float | None = None,
    ) -> None:
        self.retry_after = retry_after
        super().__init__(message, destination=destination, code=code)


class Unanswered(Retryable):
    """The request may have been applied: the connection broke before an answer came."""


class ContractError(DestinationError):
    """The answer is not of the documented shape. A bug here or a change there: never retried."""

    kind = "unexpected-answer"


class Interrupted(ConnectorError):
    """The user asked to stop; what was in flight is recorded."""

    kind = "interrupted"

    exit_code = 130
