"""Every section's problems: the mark ▸ stands where the message must point."""

from __future__ import annotations

import re

import pytest

from connector.config.sections.urls import SHAPE
from connector.core.errors import ConfigError
from tests.config.helpers import SECTIONS, assert_problem, file_with, found, load

MAIL = '  mail: {platform: mailchimp, api_key: "${MAIL_KEY}", audience: News}\n'


def contacts(entry: str) -> str:
    return file_with(sources=f"sources:\n  contacts: {entry}\n  orders: {{file: o.csv, join: {{a: email}}, at: t}}\n")


def related(entry: str) -> str:
    return file_with(
        sources=f"sources:\n  contacts: {{file: c.csv, email: E}}\n  orders: {entry}\n", traits="traits: {}"
    )


def traits(entry: str) -> str:
    return file_with(traits=f"traits:\n  spent: {{sum: orders.amount}}\n  t: {entry}\n")


def destination(entry: str) -> str:
    return file_with(destinations=f"destinations:\n  d: {entry}\n")


def segment(entry: str) -> str:
    return file_with(segments=f"segments:\n  vip: {entry}\n")


def sent(entry: str) -> str:
    return segment(f"{{when: {{a: 1}}, send_to: {entry}}}")


def lifecycle(entry: str) -> str:
    return file_with(lifecycle=f"lifecycle:\n  signals: [a]\n  inactive: {{after: 90 days}}\n{entry}\n")


TOP = [
    (file_with(version="▸timezone: UTC\n", timezone=""), "missing-key"),
    (file_with(version="version: ▸2"), "version"),
    (file_with(version='version: ▸"1"'), "version"),
    (file_with(version="version: ▸true"), "version"),
    (file_with(version="version:▸"), "empty-value"),
    (file_with(timezone="timezone: ▸Europe/Berln"), "unknown-timezone"),
    (file_with(timezone="timezone: ▸[UTC]"), "wrong-type"),
    (file_with(timezone="▸timezon: UTC"), "unknown-key"),
    (file_with(engine="engine: ▸oracle"), "unknown-engine"),
    (file_with(engine="engine: ▸postgres"), "unknown-engine"),
    (file_with(engine="engine: ▸postgres://me:secret@host/db"), "literal-secret"),
    (file_with(silence="silence: [▸Not A Code]"), "unknown-value"),
    (file_with(silence="silence: ▸everyone"), "wrong-type"),
    (file_with(guards="guards: {▸removal: 5}"), "unknown-key"),
    (file_with(guards="guards: {removes: ▸-5}"), "bad-number"),
    (file_with(guards="guards: {removes_percent: ▸120%}"), "bad-percent"),
    (file_with(guards="guards: {removes_percent: ▸120}"), "bad-percent"),
    (file_with(guards="guards: {empty: ▸5}"), "wrong-type"),
    (file_with(segments="segments: ▸{}"), "empty"),
    (file_with(segments="segments: ▸[vip]"), "wrong-type"),
    (file_with(traits="traits: ▸yes"), "wrong-type"),
    (file_with(traits="traits:\n  spent:▸\n"), "empty-value"),
]

SOURCES = [
    (file_with(sources="▸sources: {}", traits=""), "missing-key"),
    (contacts("▸[a]"), "wrong-type"),
    (file_with(sources="sources:\n  ▸contacts: {file: c.csv}\n  orders: {file: o, join: {a: b}}\n"), "missing-key"),
    (file_with(sources="sources:\n  ▸contacts: {email: E}\n  orders: {file: o, join: {a: b}}\n"), "missing-key"),
    (contacts("{file: c.csv, email: E, ▸emial: x}"), "unknown-key"),
    (contacts("{file: c.csv, email: E, ▸join: {a: email}}"), "unknown-key"),
    (contacts("{file: c.csv, email: E, ▸name: x}"), "unknown-key"),
    (contacts("{file: c.csv, email: E, preset: ▸hubspott}"), "unknown-value"),
    (contacts("{file: c.csv, email: E, pick: ▸oldest}"), "unknown-value"),
    (contacts("{file: c.csv, email: ▸true}"), "wrong-type"),
    (contacts('{file: c.csv, email: ▸"  "}'), "empty"),
    (contacts("{file: c.csv, email: E, max_age: ▸36}"), "bad-duration"),
    (contacts("{file: c.csv, email: E, max_age: ▸36 huors}"), "unknown-unit"),
    (contacts("{file: c.csv, email: E, max_age: ▸0 hours}"), "bad-duration"),
    (contacts("{file: c.csv, email: E, max_age: ▸1.5 days}"), "bad-duration"),
    (contacts("{file: c.csv, email: E, max_age: ▸99999999999 days}"), "bad-duration"),
    (contacts("{file: c.csv, email: E, skip_rows: ▸-1}"), "bad-number"),
    (contacts("{file: c.csv, email: E, skip_rows: ▸true}"), "bad-number"),
    (contacts("{file: c.csv, email: E, encoding: ▸utf-9}"), "unknown-value"),
    (contacts("{file: c.csv, email: E, encoding: ▸base64}"), "unknown-value"),
    (contacts('{file: c.csv, email: E, delimiter: ▸";;"}'), "wrong-type"),
    (contacts("{file: c.csv, email: E, columns: {n: ▸integer}}"), "wrong-type"),
    (contacts("{file: c.csv, email: E, columns: {n: {type: ▸int}}}"), "unknown-value"),
    (contacts("{file: c.csv, email: E, columns: {n: {▸typ: text}}}"), "unknown-key"),
    (contacts("{file: c.csv, email: E, columns: {n: {from: ▸[a, b, c], type: place}}}"), "wrong-type"),
    (contacts("{file: c.csv, email: E, columns: {▸n: {type: place}}}"), "contradiction"),
    (contacts("{file: c.csv, email: E, columns: {▸n: {from: [a, b]}}}"), "contradiction"),
    (contacts("{file: c.csv, email: E, columns: {n: {decimal: ▸;}}}"), "unknown-value"),
    (contacts("{file: c.csv, email: E, columns: {n: {missing: ▸x}}}"), "wrong-type"),
    (related("▸x"), "wrong-type"),
    (file_with(sources="sources:\n  contacts: {file: c, email: E}\n  ▸orders: {file: o}\n"), "missing-key"),
    (related("{file: o, join: ▸email}"), "wrong-type"),
    (related("{file: o, join: ▸{a: b, c: d}}"), "wrong-type"),
    (related("{file: o, join: {a: email}, ▸updated_at: x}"), "unknown-key"),
    (contacts('{file: ▸"${C}", email: E}'), "misplaced-secret"),
]  # fmt: skip

TRAITS = [
    (traits("▸orders"), "wrong-type"),
    (traits("{▸total: orders.amount}"), "unknown-key"),
    (file_with(traits="traits:\n  ▸spent: {within: 90 days}"), "missing-key"),
    (traits("{sum: orders.amount, ▸count: orders}"), "contradiction"),
    (traits("{sum: orders.amount, ▸witin: 90 days}"), "unknown-key"),
    (traits("{sum: ▸orders}"), "wrong-type"),
    (traits("{sum: ▸orders.}"), "wrong-type"),
    (traits("{sum: ▸order.amount}"), "unknown-source"),
    (traits("{sum: ▸contacts.amount}"), "unknown-source"),
    (traits("{sum: ▸[orders.amount]}"), "wrong-type"),
    (traits("{count: visits, within: ▸90 days}"), "missing-time"),
    (traits("{latest: ▸visits}"), "missing-time"),
    (traits("{count: orders, within: ▸soon}"), "bad-duration"),
    (traits("{count: orders, during: ▸next year}"), "unknown-value"),
    (traits("{count: orders, within: 5 days, ▸during: last year}"), "contradiction"),
    (traits("{count: orders, where: ▸shoes}"), "wrong-type"),
    (traits("{count: orders, where: {▸segment: vip}}"), "misplaced-word"),
    (traits("{count: orders, where: {▸visits: {}}}"), "misplaced-word"),
    (traits("{count: orders, where: {amount: {▸top: 5}}}"), "misplaced-word"),
    (traits("{count: orders, where: {amount: {▸atleast: 5}}}"), "unknown-test"),
    (traits("{greatest: ▸a}"), "wrong-type"),
    (traits("{greatest: ▸[]}"), "wrong-type"),
    (traits("{greatest: [a, ▸true]}"), "wrong-type"),
    (traits("{greatest: [a], ▸within: 5 days}"), "unknown-key"),
    (traits("{greatest: [a, ▸t]}"), "cycle"),
    (traits("{greatest: [a, ▸u]}\n  u: {least: [t, b]}"), "cycle"),
    (traits("{▸rfm: {recency: orders.t, frequency: orders}}"), "missing-key"),
    (traits("{rfm: {recency: orders.t, frequency: ▸orders.x, monetary: orders.amount}}"), "wrong-type"),
    (traits("{rfm: {recency: orders.t, frequency: orders, monetary: ▸orders}}"), "wrong-type"),
    (file_with(traits="traits:\n  ▸within: {sum: orders.amount}"), "name-clash"),
    (file_with(traits="traits:\n  ▸orders: {sum: orders.amount}"), "name-clash"),
    (file_with(traits="traits:\n  a: {count: orders}\n  ▸A: {count: orders}"), "name-clash"),
    (file_with(traits="traits:\n  ▸a.b: {count: orders}"), "bad-name"),
]

DESTINATIONS = [
    (destination("▸klaviyo"), "wrong-type"),
    (file_with(destinations='destinations:\n  ▸d: {api_key: "${K}"}'), "missing-key"),
    (destination('{platform: ▸mailchimpp, api_key: "${K}"}'), "unknown-value"),
    (destination('{platform: ▸[klaviyo], api_key: "${K}"}'), "unknown-value"),
    (file_with(destinations="destinations:\n  ▸d: {platform: klaviyo}"), "missing-key"),
    (destination("{platform: klaviyo, api_key: ▸pk_live_123456}"), "literal-secret"),
    (destination('{platform: klaviyo, api_key: ▸"x${K}"}'), "literal-secret"),
    (destination("{platform: klaviyo, api_key: ▸12345}"), "literal-secret"),
    (
        file_with(destinations='destinations:\n  ▸d: {platform: hubspot, ▸api_key: "${K}"}'),
        "missing-key",
        "unknown-key",
    ),
    (file_with(destinations='destinations:\n  ▸d: {platform: mailchimp, api_key: "${K}"}'), "missing-key"),
    (destination('{platform: klaviyo, api_key: "${K}", ▸audience: News}'), "unknown-key"),
    (destination('{platform: klaviyo, api_key: "${K}", ▸version: 1}'), "unknown-key"),
    (destination('{platform: hubspot, access_token: "${K}", version: ▸../v3}'), "unknown-value"),
    (destination('{platform: klaviyo, api_key: "${K}", tag_property: ▸a b}'), "bad-name"),
    (destination('{platform: klaviyo, api_key: "${K}", new_contacts: ▸skipp}'), "unknown-value"),
    (destination('{platform: klaviyo, api_key: "${K}", new_contacts: ▸subscribed}'), "not-offered"),
    (
        destination('{platform: mailchimp, api_key: "${K}", audience: News, new_contacts: ▸subscribed}'),
        "needs-consent",
    ),
    (destination('{platform: klaviyo, api_key: "${K}", new_contacts: ▸transactional}'), "needs-consent"),
    (
        destination('{platform: mailchimp, api_key: "${K}", audience: News, new_contacts: ▸pending}'),
        "needs-consent",
    ),
    (destination('{platform: klaviyo, api_key: "${K}", mode: ▸miror}'), "unknown-value"),
    (destination('{platform: klaviyo, api_key: "${K}", fields: ▸[a]}'), "wrong-type"),
    (destination('{platform: klaviyo, api_key: "${K}", fields: {a: ▸true}}'), "wrong-type"),
    (destination('{platform: klaviyo, api_key: "${K}", base_url: ▸localhost:80}'), "bad-url"),
    (destination('{platform: klaviyo, api_key: "${K}", base_url: ▸"https://me:pw@host"}'), "bad-url"),
    (destination('{platform: klaviyo, api_key: "${K}", base_url: ▸"http://[x"}'), "bad-url"),
    (destination('{platform: klaviyo, api_key: "${K}", guards: {▸add: 5}}'), "unknown-key"),
    (file_with(destinations=f"destinations:\n{MAIL}  ▸Mail: {{platform: klaviyo, api_key: \"${{K}}\"}}"), "name-clash"),
]  # fmt: skip

SEGMENTS = [
    (segment("▸[a]"), "wrong-type"),
    (file_with(segments="segments:\n  ▸vip: {title: VIP}"), "missing-key"),
    (segment("{when: {a: 1}, ▸members_from: m.csv}"), "contradiction"),
    (segment("{members_from: m.csv, frozen: ▸false}"), "contradiction"),
    (segment("{when: {a: 1}, ▸allow_outside: true}"), "contradiction"),
    (segment("{members_from: m.csv, allow_outside: ▸yes}"), "wrong-type"),
    (segment("{when: {a: 1}, ▸titel: VIP}"), "unknown-key"),
    (segment("{when: {a: 1}, ▸name: VIP}"), "unknown-key"),
    (segment("{when: {a: 1}, paused: ▸yes}"), "wrong-type"),
    (segment("{when: {a: 1}, review_by: ▸31.3.2027}"), "bad-date"),
    (segment("{when: {a: 1}, review_by: ▸2027-02-30}"), "bad-date"),
    (segment("{when: {a: 1}, renamed_from: ▸vip}"), "contradiction"),
    (segment("{when: {a: 1}, hold: ▸forever}"), "bad-duration"),
    (file_with(segments="segments:\n  vip:\n    when: {a: 1}\n    title:▸"), "empty-value"),
    (segment("{when: {a: 1}, guards: {▸ads: 5}}"), "unknown-key"),
    (file_with(segments="segments:\n  a: {when: {x: 1}}\n  ▸A: {when: {x: 1}}"), "name-clash"),
    (file_with(segments='segments:\n  ▸"a*": {when: {x: 1}}'), "bad-name"),
    (sent("▸mail"), "wrong-type"),
    (sent("{▸mial: {tag: VIP}}"), "unknown-destination"),
    (sent("{mail: ▸VIP}"), "wrong-type"),
    (sent("{▸mail: {}}"), "missing-key"),
    (sent("{mail: {▸list: VIP}}"), "no-list"),
    (sent("{klav: {tag: ▸[a, b]}}"), "wrong-type"),
    (sent("{klav: {tag: a, mode: ▸enriched}}"), "unknown-value"),
    (sent("{klav: {tag: a, ▸tags: b}}"), "unknown-key"),
    (sent("{hub: {tag: ▸a;b}}"), "bad-target"),
    (
        file_with(
            segments="""\
            segments:
              a: {when: {x: 1}, send_to: {mail: {tag: VIP}, klav: {list: VIP, tag: VIP}}}
              b: {when: {x: 2}, send_to: {mail: {tag: ▸vip}, klav: {list: ▸VIP}}}
            """
        ),
        "same-target",
        "same-target",
    ),
    (file_with(priorities="priorities: ▸[vip]"), "wrong-type"),
    (file_with(priorities="priorities: ▸vip"), "wrong-type"),
    (file_with(priorities="priorities:\n  - ▸[]"), "empty"),
    (file_with(priorities="priorities:\n  - [vip, ▸vipp]"), "unknown-segment"),
    (file_with(priorities="priorities:\n  - [vip]\n  - [▸vip]"), "twice"),
    (file_with(priorities="priorities:\n  - [vip, ▸{a: 1}]"), "wrong-type"),
    (file_with(consent="consent: ▸true"), "wrong-type"),
    (file_with(consent="▸consent: {proof: {at: x}}"), "missing-key"),
    (file_with(consent="consent: {when: {a: 1}, ▸prove: {at: x}}"), "unknown-key"),
    (file_with(consent="consent: {when: {a: 1}, ▸proof: {source: x}}"), "missing-key"),
    (file_with(consent="consent: {when: {sample: ▸10%}}"), "missing-key"),
]

ONE, STAGE = "signals: [a], inactive: {after: 9 days}", "stages: [{name: a}]"
LIFECYCLE = [
    (file_with(lifecycle="▸lifecycle: {signals: [a], inactive: {after: 90 days}}"), "missing-key"),
    (lifecycle("  stages: ▸[]"), "empty"),
    (lifecycle("  stages: [{▸tag: x}]").replace("▸", "").replace("{tag", "▸{tag"), "missing-key"),
    (lifecycle("  stages: [{name: a, ▸after: 3 days}]"), "contradiction"),
    (lifecycle("  stages: [{name: a}, {▸name: b}]"), "missing-key"),
    (lifecycle("  stages: [{name: a}, {▸name: a, after: 3 days}]"), "twice"),
    (lifecycle("  stages: [{name: a, ▸action: archive}, {name: b, after: 3 days}]"), "contradiction"),
    (lifecycle("  stages: [{name: a, action: ▸delete}]"), "unknown-value"),
    (lifecycle("  stages: [{name: a, action: ▸archiv}]"), "unknown-value"),
    (lifecycle("  stages: [{name: a}, {name: b, after: ▸36 hours}]"), "bad-duration"),
    (lifecycle("  stages: [{name: a, split: {name: t, of: ▸{x: 50, y: 40}}}]"), "shares"),
    (lifecycle("  stages: [{name: a, ▸lst: x}]"), "unknown-key"),
    (lifecycle("  stages: [{name: a, tag: x}, {name: b, after: 1 day, tag: ▸x}]\n"), "same-target"),
    (lifecycle("  stages: [{name: a}]\n  protect: [vip, ▸vpi]"), "unknown-segment"),
    (lifecycle("  stages: [{name: a}]\n  ramp: {at_most: ▸5%}"), "bad-percent"),
    (lifecycle("  stages: [{name: a}]\n  ramp: {at_most: 5% of contacts, per: ▸year}"), "unknown-value"),
    (lifecycle("  stages: [{name: a}]\n  returned: {tag: x, for: ▸long}"), "bad-duration"),
    *(
        (file_with(lifecycle="lifecycle:\n" + "\n".join(f"  - {entry}" for entry in entries)), code)
        for entries, code in (
            (["▸{signals: [a], inactive: {after: 9 days}}"], "missing-key"),
            ([f"{{{ONE}, stages: [{{name: a}}]}}", f"▸{{{ONE}, stages: [{{name: a}}]}}"], "contradiction"),
            ([f"{{for: vip, {ONE}, {STAGE}}}", f"{{for: ▸vip, {ONE}, {STAGE}}}"], "twice"),
            ([f"{{for: ▸vpi, {ONE}, {STAGE}}}"], "unknown-segment"),
            ([f"{{for: {{to: ▸vip}}, {ONE}, {STAGE}}}"], "unknown-destination"),
            ([f"{{for: {{when: {{a: 1}}, ▸b: 1}}, {ONE}, {STAGE}}}"], "contradiction"),
            ([f"{{for: ▸7, {ONE}, {STAGE}}}"], "wrong-type"),
            (
                [f"{{for: vip, {ONE}, stages: [{{name: a, tag: x}}]}}", f"{{{ONE}, stages: [{{name: a, tag: ▸x}}]}}"],
                "same-target",
            ),
            (["{signals: [a], ▸inactive: {}, stages: [{name: a}]}"], "missing-key"),
            (["{signals: [a], inactive: {sends: ▸0}, stages: [{name: a}]}"], "range"),
            (["▸vip"], "wrong-type"),
        )
    ),
    (file_with(lifecycle="lifecycle: ▸[]"), "empty"),
    (file_with(cleanup="cleanup: {bounced: {hard: ▸0}}"), "range"),
    (file_with(cleanup="cleanup: {bounced: {action: ▸delete}}"), "unknown-value"),
    (file_with(cleanup="cleanup: {invalid: {syntax: ▸drop}}"), "unknown-value"),
    (file_with(cleanup="cleanup: {▸bounce: {hard: 1}}"), "unknown-key"),
]


@pytest.mark.parametrize("case", TOP + SOURCES + TRAITS + DESTINATIONS + SEGMENTS + LIFECYCLE, ids=lambda case: case[1])
def test_problem_and_its_place(case: tuple[str, ...]) -> None:
    assert_problem(case[0], *case[1:])


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (file_with(timezone="timezon: UTC"), 'Did you mean "timezone"?'),
        (file_with(timezone="timezone: europe/berlin"), 'Did you mean "Europe/Berlin"?'),
        (contacts("{file: c.csv, email: E, preset: hubspott}"), 'Did you mean "hubspot"?'),
        (contacts("{file: c.csv, email: E, columns: {n: {typ: text}}}"), 'Did you mean "type"?'),
        (traits("{sum: order.amount}"), 'Did you mean "orders"?'),
        (traits("{total: orders.amount}"), "count, "),
        (sent("{mial: {tag: VIP}}"), 'Did you mean "mail"?'),
        (destination('{platform: klavio, api_key: "${K}"}'), 'Did you mean "klaviyo"?'),
        (destination('{platform: klaviyo, api_key: "${K}", guards: {add: 5}}'), 'Did you mean "adds"?'),
        (lifecycle("  stages: [{name: a, lst: x}]"), 'Did you mean "list"?'),
        (file_with(priorities="priorities: [[vipp]]"), 'Did you mean "vip"?'),
        (contacts("{file: c.csv, email: E, max_age: 36 huors}"), 'Did you mean "hours"?'),
    ],
)
def test_did_you_mean(text: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert hint in str(caught.value)


def test_all_problems_come_at_once_in_the_order_of_the_file() -> None:
    text = file_with(
        timezone="timezone: Mars", priorities="priorities: [[nobody]]", sources="sources: {}", engine="engine: x"
    )
    codes = [code for _, _, code in found(text)]
    assert codes == ["unknown-timezone", "missing-key", "unknown-source", "unknown-segment", "unknown-engine"]
    assert found(text) == sorted(found(text))


def test_a_misspelled_section_is_one_problem() -> None:
    account = SECTIONS["destinations"].replace("destinations", "▸destinatons")
    send = "segments:\n  vip: {when: {orders: {count: 1}}, send_to: {mail: {tag: x}}}"
    assert_problem(file_with(destinations=account, segments=send), "unknown-key")
    sources = "▸" + SECTIONS["sources"].replace("sources", "source")
    assert [code for *_, code in found(file_with(sources=sources.replace("▸", ""), segments=send))] == [
        "missing-key",
        "unknown-key",
    ]


def test_a_literal_key_is_never_shown() -> None:
    key = "pk_live_verysecret"
    for entry in (
        f"{{platform: klaviyo, api_key: {key}}}",
        f'{{platform: klaviyo, api_key: "${{K}}", base_url: "https://me:{key}@host"}}',
        f"{{platform: mailchimp, audience: A, api_key: !{key} x}}",
        f"{{platform: mailchimp, audience: A, api_key: *{key}}}",
        f"{{platform: mailchimp, audience: A, api_key: {key}: x}}",
        f"{{platform: mailchimp, audience: A, api_key: [{key}]}}",
        f"{{platform: mailchimp, audience: A, api_key: @{key}}}",
    ):
        with pytest.raises(ConfigError) as caught:
            load(destination(entry))
        assert key not in str(caught.value) and key not in repr(caught.value.problems), entry


FOREIGN = [
    "http://crm.example.com",
    "HTTP://crm.example.com",
    "http://localhost.evil.example",
    "http://127.0.0.1.evil.example/3.0",
    "http://localhost@evil.example",
    "http://127.0.0.1:80@evil.example",
    "http://127.0.0.1\\\\@evil.example",
    "http://evil.example\\\\localhost",
    "http://evil.example#localhost",
    "http://evil.example?localhost",
    "http://127.1",
    "http://2130706433",
    "http://0x7f.0.0.1",
    "http://0.0.0.0",
    "http://128.0.0.1",
    "http://[::2]",
    "http://[::ffff:10.0.0.1]",
    "http://localhost.",
    "http://\u24dbocalhost",
    "http:///localhost",
    "ftp://localhost",
    "//localhost",
    "https://",
    "https://host?",
    "https://host#",
    "https://host/?key=1",
    "https://us1.api.example.com/3.0#x",
    "https://user@host",
    "https://ho\\tst",
    "https://host:port",
    "https://host:99999",
]
HERE = [
    "http://localhost",
    "HTTP://LOCALHOST:8080/x",
    "http://127.0.0.1:9",
    "http://127.8.9.10",
    "http://[::1]:80/3.0",
    "https://crm.example.com",
    "HTTPS://crm.example.com:8443/api",
]


@pytest.mark.parametrize("address", FOREIGN)
def test_a_key_goes_to_no_foreign_host_in_the_clear(address: str) -> None:
    text = destination(f'{{platform: klaviyo, api_key: "${{K}}", base_url: ▸"{address}"}}')
    assert_problem(text, "bad-url")
    assert not address.casefold().startswith("http://") or not re.match(SHAPE, address), "editors refuse it as well"


@pytest.mark.parametrize("address", HERE)
def test_this_machine_and_https(address: str) -> None:
    found = load(destination(f'{{platform: klaviyo, api_key: "${{K}}", base_url: "{address}/"}}'))
    assert [item.base_url for item in found.destinations.values()] == [address]
    assert re.match(SHAPE, address.lower())


def test_cycles_are_shown() -> None:
    text = file_with(
        segments="""\
        segments:
          a: {when: {segment: c}}
          b: {when: {not: {segment: a}}}
          c: {when: {any: [{x: 1}, {segment: [b, d]}]}}
          d: {when: {x: 1}}
          e: {when: {segment: e}}
        """
    )
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert [problem.code for problem in caught.value.problems] == ["cycle", "cycle"]
    assert "a → c → b → a" in str(caught.value) and "e → e" in str(caught.value)


def test_a_long_chain_of_segments_is_no_cycle() -> None:
    chain = "".join(f"  s{i}: {{when: {{segment: s{i + 1}}}}}\n" for i in range(1500))
    assert len(load(file_with(segments=f"segments:\n{chain}  s1500: {{when: {{x: 1}}}}\n")).segments) == 1501
