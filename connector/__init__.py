"""Segments declared in YAML, pushed as tags, lists and fields to Mailchimp, Klaviyo and HubSpot."""
