"""Which test notices which mistake, and where one has no meaning.

Owns: both. Must not: run a test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

NOTICED: Mapping[str, tuple[str, ...]] = {
    "statuses read only at first contact": (
        "test_meaning.py::test_statuses_tell_each_later_change",
        "test_between.py::test_an_opt_out_between_two_pushes",
    ),
    "every ADD reported as applied": (
        "test_meaning.py::test_nothing_is_applied_to_a_contact_that_is_gone",
        "test_between.py::test_a_contact_deleted_between_two_pushes",
    ),
    "no rate limiter": (
        "test_requests.py::test_a_throttle_holds_every_request",
        "test_requests.py::test_requests_keep_the_pace_that_the_vendor_allows",
    ),
    "a job sent again after a broken answer": ("test_requests.py::test_what_may_not_be_repeated_is_sent_once",),
    "one request per contact": (
        "test_requests.py::test_a_batch_is_one_writing_request",
        "test_between.py::test_requests_sent_equal_the_forecast",
    ),
    "unfinished empty": ("test_meaning.py::test_open_jobs_are_told",),
    "fields never cleared": ("test_meaning.py::test_a_field_is_set_changed_and_cleared",),
    "an address in a URL path": ("test_requests.py::test_no_address_is_in_a_path",),
    "only the first page read": ("test_meaning.py::test_one_page_plus_one",),
    "a 5xx reported as never applied": ("test_requests.py::test_after_a_5xx_the_outcome_is_unknown",),
    "MOVE that sends nothing": ("test_meaning.py::test_a_move_gives_the_contact_its_new_address",),
    "nobody told as erased": ("test_between.py::test_a_contact_deleted_between_two_pushes",),
    "gone reported as refused": (
        "test_meaning.py::test_a_target_that_is_gone_is_told_by_its_code",
        "test_between.py::test_a_target_deleted_between_two_pushes",
    ),
}
_AGAIN = "gone reported as refused", "test_between.py::test_a_target_deleted_between_two_pushes"
_FINAL = "nothing that is deleted is kept there: who is gone is never created again, and nobody asks"
_PACE = "no rate limiter", "test_requests.py::test_requests_keep_the_pace_that_the_vendor_allows"
# (platform, mistake, test or "" for all) -> why there is nothing to notice.
WITHOUT_MEANING: Mapping[tuple[str, str, str], str] = {
    ("hubspot", "unfinished empty", ""): "HubSpot has no jobs: a request is over when it is answered",
    ("brevo", "MOVE that sends nothing", ""): "not offered: another address resubscribes a blocklisted contact",
    **{(name, "nobody told as erased", ""): _FINAL for name in ("mailchimp", "klaviyo", "brevo")},
    ("klaviyo", *_AGAIN): "the plan asks which lists are there before an import names them, so no answer says Gone",
    ("mailchimp", *_PACE): "Mailchimp has no quota of requests per time, only one of connections",
}


@dataclass(frozen=True)
class Case:
    """One mistake of one platform, and a test that must notice it; or the reason why not."""

    platform: str
    mutant: str
    test: str
    reason: str = ""


def cases(platforms: Sequence[str], mutants: Sequence[str]) -> Iterator[Case]:
    for mutant in mutants:
        for platform in platforms:
            if reason := WITHOUT_MEANING.get((platform, mutant, "")):
                yield Case(platform, mutant, "", reason)
                continue
            for test in NOTICED[mutant]:
                yield Case(platform, mutant, test, WITHOUT_MEANING.get((platform, mutant, test), ""))
