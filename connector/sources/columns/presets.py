"""What the exports of CRM products call their columns, and how they write them.

Owns: the presets of products that are no platform, and the list of all: those of platforms are among their facts
(connector/vendors). Per preset, header (lower case) -> column, type and separator. Must not: read files.

Collected on 2026-11-21 from published export samples of each product; headers that an account can rename are those of
the English interface. A header that is not listed is still a column under its snake_case name.

Added on 2026-11-29: WooCommerce's Import Export Suite, from
woocommerce.com/document/import-and-export-of-woocommerce-orders; Pipedrive and Google contacts, whose headers are those
by which published programs read their exports (no page of the vendors lists them). Labels of Google contacts are
parted by " ::: ". Zoho CRM and ActiveCampaign likewise: only headers that two or more independent programs read are
listed. Zoho's exports name a looked-up record twice, as `Account Name` and `Account Name.id`. ActiveCampaign's help
(“Export contacts”) shows no headers, and its custom fields are headers of their own; `Status` is one of Active,
Unconfirmed, Unsubscribed and Bounced.
"""

from __future__ import annotations

from collections.abc import Mapping

from connector.vendors import OWN, VENDORS, Known


def _when(column: str) -> Known:
    return Known(column, "timestamp")


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

WOOCOMMERCE = {
    "email": Known("email"),
    "customer email": Known("email"),
    "email (billing)": Known("email"),
    "billing email address": Known("email"),
    "billing email": Known("email"),
    "customer id": Known("id", "text"),
    "user id": Known("id", "text"),
    "first name": Known("first_name"),
    "last name": Known("last_name"),
    "first name (billing)": Known("first_name"),
    "last name (billing)": Known("last_name"),
    "country": Known("country", "country"),
    "country code (billing)": Known("country", "country"),
    "city": Known("city"),
    "city (billing)": Known("city"),
    "phone": Known("phone", "phone"),
    "phone (billing)": Known("phone", "phone"),
    "date registered": _when("created_at"),
    "sign up": _when("created_at"),
    "last active": _when("last_activity_at"),
    "orders": Known("orders_count", "integer"),
    "total spend": Known("total_spent", "number"),
    # orders export
    "order number": Known("order_number", "text"),
    "order id": Known("order_id", "text"),
    "order date": _when("ordered_at"),
    "order status": Known("order_status"),
    "order total amount": Known("total", "number"),
    "order subtotal amount": Known("subtotal", "number"),
    "order refund amount": Known("refunded", "number"),
    "sku": Known("sku", "text"),
    "item name": Known("item_name"),
    "quantity": Known("quantity", "integer"),
    "item cost": Known("item_cost", "number"),
    # orders of the Import Export Suite
    "customer_email": Known("email"),
    "order_number": Known("order_number", "text"),
    "order_id": Known("order_id", "text"),
    "order_date": _when("ordered_at"),
    "paid_date": _when("paid_at"),
    "order_total": Known("total", "number"),
    "order_subtotal": Known("subtotal", "number"),
    "order_currency": Known("currency"),
    "billing_first_name": Known("first_name"),
    "billing_last_name": Known("last_name"),
}

PIPEDRIVE = {
    "person - id": Known("id", "text"),
    "person - name": Known("name"),
    "person - first name": Known("first_name"),
    "person - last name": Known("last_name"),
    "person - email": Known("email"),
    "person - email - work": Known("email"),
    "person - email - home": Known("email_home"),
    "person - email - other": Known("email_other"),
    "person - phone": Known("phone", "phone"),
    "person - phone - work": Known("phone", "phone"),
    "person - phone - mobile": Known("mobile_phone", "phone"),
    "person - phone - home": Known("home_phone", "phone"),
    "person - phone - other": Known("other_phone", "phone"),
    "person - organization": Known("company"),
    "person - label": Known("labels", "list", ","),
    "person - labels": Known("labels", "list", ","),
    "person - owner": Known("owner"),
    "person - marketing status": Known("marketing_status"),
    "person - person created": _when("created_at"),
    "person - update time": _when("updated_at"),
    "person - city/town/village/locality of postal address": Known("city"),
    "person - country of postal address": Known("country", "country"),
    "person - zip/postal code of postal address": Known("postal_code", "text"),
}

GOOGLE_CONTACTS = {
    "first name": Known("first_name"),
    "middle name": Known("middle_name"),
    "last name": Known("last_name"),
    "organization name": Known("company"),
    "organization title": Known("job_title"),
    "birthday": Known("birthday"),
    "labels": Known("labels", "list", ":::"),
    "e-mail 1 - label": Known("email_label"),
    "e-mail 1 - value": Known("email"),
    "e-mail 2 - value": Known("email_2"),
    "e-mail 3 - value": Known("email_3"),
    "phone 1 - label": Known("phone_label"),
    "phone 1 - value": Known("phone", "phone"),
    "phone 2 - value": Known("phone_2", "phone"),
    "address 1 - city": Known("city"),
    "address 1 - country": Known("country", "country"),
    "address 1 - postal code": Known("postal_code", "text"),
    # exports before 2024
    "name": Known("name"),
    "given name": Known("first_name"),
    "family name": Known("last_name"),
    "group membership": Known("labels", "list", ":::"),
    "organization 1 - name": Known("company"),
}

ZOHO = {
    "record id": Known("id", "text"),
    "contact id": Known("id", "text"),
    "contact owner": Known("owner"),
    "contact owner.id": Known("owner_id", "text"),
    "lead source": Known("lead_source"),
    "first name": Known("first_name"),
    "last name": Known("last_name"),
    "contact name": Known("name"),
    "email": Known("email"),
    "secondary email": Known("emails", "text"),
    "title": Known("job_title"),
    "department": Known("department"),
    "phone": Known("phone", "phone"),
    "mobile": Known("mobile_phone", "phone"),
    "account name": Known("company"),
    "account name.id": Known("company_id", "text"),
    "mailing street": Known("street"),
    "mailing city": Known("city"),
    "mailing state": Known("state"),
    "mailing zip": Known("postal_code", "text"),
    "mailing country": Known("country", "country"),
    "date of birth": Known("birthdate", "date"),
    "tag": Known("tags", "list", ","),
    "email opt out": Known("unsubscribed", "boolean"),
    "unsubscribed mode": Known("unsubscribed_mode"),
    "unsubscribed time": _when("unsubscribed_at"),
    "created time": _when("created_at"),
    "modified time": _when("updated_at"),
    "last activity time": _when("last_activity_at"),
}

ACTIVECAMPAIGN = {
    "email": Known("email"),
    "first name": Known("first_name"),
    "last name": Known("last_name"),
    "phone": Known("phone", "phone"),
    "tags": Known("tags", "list", ","),
    "status": Known("marketing_status"),
}

STRIPE = {
    "id": Known("id", "text"),
    "email": Known("email"),
    "customer email": Known("email"),
    "customer id": Known("customer_id", "text"),
    "name": Known("name"),
    "description": Known("description"),
    "created (utc)": _when("created_at"),
    "created date (utc)": _when("created_at"),
    "amount": Known("amount", "number"),
    "amount refunded": Known("amount_refunded", "number"),
    "currency": Known("currency"),
    "converted amount": Known("converted_amount", "number"),
    "status": Known("status"),
    "captured": Known("captured", "boolean"),
    "total spend": Known("total_spent", "number"),
    "payment count": Known("payments_count", "integer"),
    "card address country": Known("country", "country"),
}

# Preset -> (header of the column that is the same on every row of an event, how a header beside it begins).
EVENTS: Mapping[str, tuple[str, str]] = {
    "shopify": ("name", "lineitem"),
    "woocommerce": ("order number", ""),
    "stripe": ("id", "amount"),
}

PRESETS: Mapping[str, Mapping[str, Known]] = {
    "activecampaign": ACTIVECAMPAIGN,
    "google_contacts": GOOGLE_CONTACTS,
    "pipedrive": PIPEDRIVE,
    "salesforce": SALESFORCE,
    "shopify": SHOPIFY,
    "stripe": STRIPE,
    "woocommerce": WOOCOMMERCE,
    "zoho": ZOHO,
    "none": {},
    **{vendor.name: vendor.preset for vendor in OWN.values() if vendor.preset},
}

# Shopify writes an apostrophe before ids, postal codes and phones so that a spreadsheet keeps their zeros.
APOSTROPHE = frozenset({"shopify"})


def preset(name: str) -> Mapping[str, Known]:
    """The headers of a preset that the configuration let through; also of a platform from another package."""
    return PRESETS[name] if name in PRESETS else VENDORS[name].preset
