package dodo

import (
	"strconv"
	"time"
)

var licenceStatus = one("active", "active", "active", "active", "expired", "disabled")

// licenceKey is the key itself, five groups of five.
var licenceKey = around("", token("", 24), "")

func licenceEntities() []*entity {
	return []*entity{
		{
			name: "license_keys", prefix: "lic_", id: "id", link: "license_key_id", payload: "LicenseKey", count: 120, grows: true,
			under: "payments", lag: 7 * time.Second,
			from: "created_at_gte", to: "created_at_lte",
			filters: by("customer_id", "product_id", "status", "source"),
			fields: []field{
				f("id", id),
				f("brand_id", brandOfParent),
				f("business_id", business),
				f("created_at", created),
				f("customer_id", customerID),
				f("instances_count", gen(func(b []byte, r *row) []byte {
					lo, hi := r.w.instances.children(r.i)
					return strconv.AppendInt(b, hi-lo, 10)
				})),
				f("key", licenceKey),
				f("product_id", propOfParent("product_id")),
				f("source", one("auto", "auto", "auto", "import", "manual")),
				f("status", licenceStatus),
				f("activations_limit", maybe(60, integer(1, 10))),
				f("expires_at", maybe(50, after(400*24*time.Hour))),
				f("payment_id", maybe(90, parent)),
				f("subscription_id", propOfParent("subscription_id")),
			},
		},
		{
			name: "license_key_instances", prefix: "lki_", id: "id", count: 150, grows: true,
			under:   "license_keys",
			filters: by("license_key_id", "grant_id"),
			fields: []field{
				f("id", id),
				f("business_id", business),
				f("created_at", created),
				f("license_key_id", parent),
				f("name", text("MacBook", "build-01", "office-pc", "iPhone")),
				hidden("grant_id", anyOf("entitlement_grants")),
			},
		},
	}
}
