"""What the exports of five products call their columns, and how they write them.

Owns: per preset, header (lower case) -> column, type and separator. Must not: read files.

Collected on 2026-11-21 from published export samples of each product; headers that an account can rename are those of
the English interface. A header that is not listed is still a column under its snake_case name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connector.config.sections.models import ColumnType, Preset


@dataclass(frozen=True, slots=True)
class Known:
    """One header a preset knows. `yes` are further words that mean true (a consent's state, say)."""

    column: str
    type: ColumnType | None = None
    separator: str | None = None
    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()


_SUBSCRIBED = ("subscribed",)
_NOT_SUBSCRIBED = (
    "unsubscribed",
    "never_subscribed",
    "never subscribed",
    "not_subscribed",
    "not subscribed",
    "pending",
)


def _when(column: str) -> Known:
    return Known(column, "timestamp")


HUBSPOT = {
    "record id": Known("id"),
    "contact id": Known("id"),
    "email": Known("email"),
    "first name": Known("first_name"),
    "last name": Known("last_name"),
    "country/region": Known("country", "country"),
    "country/region code": Known("country_code", "country"),
    "ip country code": Known("ip_country_code", "country"),
    "city": Known("city"),
    "state/region": Known("state"),
    "postal code": Known("postal_code", "text"),
    "phone number": Known("phone", "phone"),
    "mobile phone number": Known("mobile_phone", "phone"),
    "company name": Known("company"),
    "tags": Known("tags", "list", ";"),
    "create date": _when("created_at"),
    "last modified date": _when("updated_at"),
    "last activity date": _when("last_activity_at"),
    "time last seen": _when("last_site_visit_at"),
    "last marketing email send date": _when("last_sent_at"),
    "last marketing email open date": _when("last_open_at"),
    "last marketing email click date": _when("last_click_at"),
    "last marketing email reply date": _when("last_reply_at"),
    "marketing emails delivered": Known("emails_delivered", "integer"),
    "marketing emails opened": Known("emails_opened", "integer"),
    "marketing emails clicked": Known("emails_clicked", "integer"),
    "marketing emails bounced": Known("emails_bounced", "integer"),
    "sends since last engagement": Known("sends_since_engagement", "integer"),
    "unsubscribed from all email": Known("unsubscribed", "boolean"),
    "invalid email address": Known("invalid_email", "boolean"),
    "became a customer date": _when("became_customer_at"),
    "recent conversion date": _when("last_conversion_at"),
    "recent deal close date": _when("last_order_at"),
    "total revenue": Known("total_spent", "number"),
    "lifecycle stage": Known("lifecycle_stage", "text"),
}

SALESFORCE = {
    "id": Known("id", "text"),
    "contact id": Known("id", "text"),
    "lead id": Known("id", "text"),
    "email": Known("email"),
    "email address": Known("email"),
    "firstname": Known("first_name"),
    "first name": Known("first_name"),
    "lastname": Known("last_name"),
    "last name": Known("last_name"),
    "mailing country": Known("country", "country"),
    "mailingcountry": Known("country", "country"),
    "mailingcountrycode": Known("country_code", "country"),
    "country": Known("country", "country"),
    "mailing city": Known("city"),
    "mailingcity": Known("city"),
    "mailing state/province": Known("state"),
    "mailingstate": Known("state"),
    "mailing zip/postal code": Known("postal_code", "text"),
    "mailingpostalcode": Known("postal_code", "text"),
    "phone": Known("phone", "phone"),
    "mobile": Known("mobile_phone", "phone"),
    "mobilephone": Known("mobile_phone", "phone"),
    "account name": Known("company"),
    "created date": _when("created_at"),
    "createddate": _when("created_at"),
    "last modified date": _when("updated_at"),
    "lastmodifieddate": _when("updated_at"),
    "last activity": _when("last_activity_at"),
    "lastactivitydate": _when("last_activity_at"),
    "email opt out": Known("unsubscribed", "boolean"),
    "hasoptedoutofemail": Known("unsubscribed", "boolean"),
    "birthdate": Known("birthdate", "date"),
}

KLAVIYO = {
    "klaviyo id": Known("id", "text"),
    "profile id": Known("id", "text"),
    "email": Known("email"),
    "email address": Known("email"),
    "first name": Known("first_name"),
    "last name": Known("last_name"),
    "country": Known("country", "country"),
    "city": Known("city"),
    "state / region": Known("state"),
    "zip code": Known("postal_code", "text"),
    "phone number": Known("phone", "phone"),
    "organization": Known("company"),
    "tags": Known("tags", "list", ","),
    "profile created on": _when("created_at"),
    "created": _when("created_at"),
    "date added": _when("added_at"),
    "updated": _when("updated_at"),
    "last active": _when("last_activity_at"),
    "last open": _when("last_open_at"),
    "last click": _when("last_click_at"),
    "last purchase": _when("last_order_at"),
    "date of last purchase": _when("last_order_at"),
    "email marketing consent": Known("email_opt_in", "boolean", None, _SUBSCRIBED, _NOT_SUBSCRIBED),
    "email marketing consent timestamp": _when("opted_in_at"),
    "sms marketing consent": Known("sms_opt_in", "boolean", None, _SUBSCRIBED, _NOT_SUBSCRIBED),
    "historic customer lifetime value": Known("total_spent", "number"),
    "historic number of orders": Known("orders_count", "integer"),
}

MAILCHIMP = {
    "email address": Known("email"),
    "first name": Known("first_name"),
    "fname": Known("first_name"),
    "last name": Known("last_name"),
    "lname": Known("last_name"),
    "phone number": Known("phone", "phone"),
    "phone": Known("phone", "phone"),
    "member_rating": Known("member_rating", "integer"),
    "optin_time": _when("created_at"),
    "confirm_time": _when("opted_in_at"),
    "last_changed": _when("updated_at"),
    "unsub_time": _when("unsubscribed_at"),
    "clean_time": _when("bounced_at"),
    "cc": Known("country", "country"),
    "country": Known("country", "country"),
    "region": Known("state"),
    "latitude": Known("latitude", "number"),
    "longitude": Known("longitude", "number"),
    "euid": Known("id", "text"),
    "leid": Known("list_member_id", "text"),
    "tags": Known("tags", "list", ","),
    "zip code": Known("postal_code", "text"),
    "birthday": Known("birthday", "text"),
}

SHOPIFY = {
    "customer id": Known("id", "text"),
    "email": Known("email"),
    "first name": Known("first_name"),
    "last name": Known("last_name"),
    "phone": Known("phone", "phone"),
    "default address company": Known("company"),
    "default address city": Known("city"),
    "default address province code": Known("state"),
    "default address country code": Known("country", "country"),
    "default address zip": Known("postal_code", "text"),
    "default address phone": Known("address_phone", "phone"),
    "company": Known("company"),
    "city": Known("city"),
    "country code": Known("country_code", "country"),
    "country": Known("country", "country"),
    "zip": Known("postal_code", "text"),
    "accepts email marketing": Known("email_opt_in", "boolean"),
    "accepts marketing": Known("email_opt_in", "boolean"),
    "accepts sms marketing": Known("sms_opt_in", "boolean"),
    "total spent": Known("total_spent", "number"),
    "total orders": Known("orders_count", "integer"),
    "tags": Known("tags", "list", ","),
    "tax exempt": Known("tax_exempt", "boolean"),
    # orders export
    "name": Known("order_name", "text"),
    "created at": _when("created_at"),
    "updated at": _when("updated_at"),
    "paid at": _when("paid_at"),
    "fulfilled at": _when("fulfilled_at"),
    "cancelled at": _when("cancelled_at"),
    "total": Known("total", "number"),
    "subtotal": Known("subtotal", "number"),
    "lineitem quantity": Known("lineitem_quantity", "integer"),
    "lineitem price": Known("lineitem_price", "number"),
    "billing country": Known("billing_country", "country"),
    "shipping country": Known("shipping_country", "country"),
}

PRESETS: Mapping[Preset, Mapping[str, Known]] = {
    "hubspot": HUBSPOT,
    "salesforce": SALESFORCE,
    "klaviyo": KLAVIYO,
    "mailchimp": MAILCHIMP,
    "shopify": SHOPIFY,
    "none": {},
}

# Shopify writes an apostrophe before ids, postal codes and phones so that a spreadsheet keeps their zeros.
APOSTROPHE: frozenset[Preset] = frozenset({"shopify"})
