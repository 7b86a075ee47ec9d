package dodo

import (
	"strconv"
	"time"
)

// presignedFile is a file behind a link that differs on every read and expires
// soon, as at the vendor's: a content hash must leave it out.
var presignedFile = obj(
	f("download_url", gen(func(b []byte, r *row) []byte {
		b = append(b, `"https://files.example.com/f?X-Signature=`...)
		return append(strconv.AppendUint(b, mix(r.h+r.nonce), 16), '"')
	})),
	f("expires_in", raw("3600")),
	f("file_id", token("file_", 16)),
	f("filename", text("book.pdf", "pack.zip")),
	f("content_type", maybe(80, text("application/pdf", "application/zip"))),
	f("file_size", maybe(80, integer(1000, 90_000_000))),
)

// integrations are the types of entitlement and their configurations, in the
// same order.
var integrations = struct {
	types   []string
	configs []value
}{
	[]string{"discord", "telegram", "github", "figma", "framer", "notion", "digital_files", "license_key", "feature_flag"},
	[]value{
		raw(`{"guild_id":"1122334455","role_id":null}`),
		raw(`{"chat_id":"-100123"}`),
		raw(`{"permission":"pull","target_id":"acme/private"}`),
		raw(`{"figma_file_id":"aBcD"}`),
		raw(`{"framer_template_id":"tpl-1"}`),
		raw(`{"notion_template_id":"n-1"}`),
		obj(f("digital_files", digitalDelivery)),
		raw(`{"activation_message":"Thanks!","activations_limit":5,"duration_count":null,"duration_interval":null,"fulfillment_mode":"auto"}`),
		raw(`{"feature_id":"beta","feature_type":"boolean"}`),
	},
}

var integrationType = func() value {
	types := make([]value, len(integrations.types))
	for i, t := range integrations.types {
		types[i] = raw(quote(t))
	}
	v := choose(types...)
	v.kind, v.enum = enumKind, integrations.types
	return v
}()

func entitlementEntities() []*entity {
	grantStatuses := []string{"Delivered", "Delivered", "Delivered", "Pending", "Failed", "Revoked"}
	lower := []value{raw(`"delivered"`), raw(`"delivered"`), raw(`"delivered"`), raw(`"pending"`), raw(`"failed"`), raw(`"revoked"`)}
	upper := make([]value, len(grantStatuses))
	for i, s := range grantStatuses {
		upper[i] = raw(quote(s))
	}
	status := choose(upper...)
	status.kind, status.enum = enumKind, dedupe(grantStatuses)
	return []*entity{
		{
			name: "entitlements", prefix: "ent_", id: "id", count: 18,
			filters: by("integration_type"),
			fields: []field{
				f("id", id),
				f("business_id", business),
				f("created_at", created),
				f("integration_config", choose(integrations.configs...)),
				f("integration_type", integrationType),
				f("is_active", flag(90)),
				f("metadata", metadata),
				f("name", text("Community", "Source access", "Handbook", "Beta features")),
				f("updated_at", updated),
				f("description", maybe(50, text("For supporters"))),
			},
		},
		{
			name: "entitlement_grants", prefix: "entg_", id: "id", link: "grant_id", payload: "EntitlementGrant", count: 300, grows: true,
			filters: by("customer_id", "status", "integration_type"),
			fields: []field{
				f("id", id),
				f("brand_id", brandID),
				f("business_id", business),
				f("created_at", created),
				f("customer_id", customerID),
				f("entitlement_id", anyOf("entitlements")),
				f("integration_type", integrationType),
				f("metadata", metadata),
				f("status", status),
				f("updated_at", updated),
				f("delivered_at", maybe(70, after(time.Hour))),
				f("digital_product_delivery", maybe(5, digitalDelivery)),
				f("error_code", maybe(5, text("GUILD_FULL", "OAUTH_DENIED"))),
				f("error_message", maybe(5, text("The server is full."))),
				f("feature", null),
				f("license_key", maybe(20, obj(
					f("id", anyOf("license_keys")),
					f("activations_used", integer(0, 3)),
					f("key", licenceKey),
					f("status", licenceStatus),
					f("activations_limit", maybe(60, integer(1, 10))),
					f("expires_at", null),
				))),
				f("oauth_expires_at", maybe(20, after(time.Hour))),
				f("oauth_url", maybe(20, text("https://oauth.example.com/start"))),
				f("payment_id", maybe(80, anyOf("payments"))),
				f("revocation_reason", maybe(5, text("refunded", "manual"))),
				f("revoked_at", maybe(5, updated)),
				f("subscription_id", maybe(30, anyOf("subscriptions"))),
			},
		},
		{
			// The same grants as a customer's own list shows them.
			name: "customer_entitlements", under: "entitlement_grants", count: 300, grows: true,
			fields: []field{
				f("created_at", propOfParent("created_at")),
				f("entitlement_id", propOfParent("entitlement_id")),
				f("entitlement_name", text("Community", "Source access", "Handbook")),
				f("grant_id", parent),
				f("integration_type", propOfParent("integration_type")),
				f("status", gen(func(b []byte, r *row) []byte {
					p := r.parentRow()
					return choose(lower...).append(b, &p)
				})),
				f("updated_at", propOfParent("updated_at")),
				f("delivered_at", propOfParent("delivered_at")),
				f("entitlement_description", maybe(50, text("For supporters"))),
				f("revoked_at", propOfParent("revoked_at")),
				hidden("customer_id", propOfParent("customer_id")),
			},
		},
	}
}
