package dodo

import "time"

// brandID is one of the brands; the first shares its id with the business.
var brandID = ref(func(r *row) (*collection, int64) {
	return r.w.brands, r.pick(50, max(r.w.brands.n, 1))
})

var (
	productName = text("Pro plan", "Team plan", "E-book bundle", "Photo pack", "Video course", "Lifetime licence")
	taxCategory = one("digital_products", "saas", "e_book", "edtech", "live_tutoring")
	imageURL    = around("https://images.example.com/", token("", 12), ".png")
	recurring   = gen(func(b []byte, r *row) []byte {
		if r.isRecurring() {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	})
)

func (r *row) isRecurring() bool { return r.i%2 == 1 }

var oneTimePrice = obj(
	f("currency", currency),
	f("price", integer(499, 29900)),
	f("type", raw(`"one_time_price"`)),
	f("discount", raw("0")),
	f("discount_bps", maybe(20, integer(0, 5000))),
	f("pay_what_you_want", flag(10)),
	f("purchasing_power_parity", flag(10)),
	f("suggested_price", maybe(10, integer(499, 9900))),
	f("tax_inclusive", maybe(50, flag(50))),
)

var recurringPrice = obj(
	f("currency", currency),
	f("payment_frequency_count", raw("1")),
	f("payment_frequency_interval", interval),
	f("price", integer(499, 29900)),
	f("subscription_period_count", raw("10")),
	f("subscription_period_interval", raw(`"Year"`)),
	f("type", raw(`"recurring_price"`)),
	f("discount", raw("0")),
	f("purchasing_power_parity", flag(10)),
	f("tax_inclusive", maybe(50, flag(50))),
	f("trial_period_days", numbers(0, 7, 14)),
)

var usagePrice = obj(
	f("currency", currency),
	f("fixed_price", integer(0, 9900)),
	f("payment_frequency_count", raw("1")),
	f("payment_frequency_interval", raw(`"Month"`)),
	f("subscription_period_count", raw("10")),
	f("subscription_period_interval", raw(`"Year"`)),
	f("type", raw(`"usage_based_price"`)),
	f("discount", raw("0")),
	f("purchasing_power_parity", flag(10)),
	f("meters", array(1, 2, obj(
		f("meter_id", anyOf("meters")),
		f("free_threshold", maybe(50, integer(0, 1000))),
		f("measurement_unit", text("calls", "GB")),
		f("name", text("API calls", "Storage")),
		f("price_per_unit", decimal(0, 2)),
	))),
)

// price is the union of the three kinds of price.
var price = gen(func(b []byte, r *row) []byte {
	switch {
	case !r.isRecurring():
		return oneTimePrice.append(b, r)
	case r.pick(51, 4) == 0:
		return usagePrice.append(b, r)
	}
	return recurringPrice.append(b, r)
})

var discountDetail = obj(
	f("amount", integer(100, 5000)),
	f("business_id", business),
	f("code", token("SAVE", 4)),
	f("created_at", created),
	f("discount_id", anyOf("discounts")),
	f("metadata", raw("{}")),
	f("position", raw("0")),
	f("preserve_on_plan_change", flag(50)),
	f("restricted_to", empty),
	f("times_used", integer(0, 90)),
	f("type", one("flat", "percentage")),
	f("cycles_remaining", maybe(50, integer(1, 12))),
	f("expires_at", null),
	f("name", maybe(50, text("Launch week", "Partner"))),
	f("subscription_cycles", maybe(50, integer(1, 12))),
	f("usage_limit", maybe(50, integer(100, 1000))),
)

// digitalDelivery holds links that differ on every read.
var digitalDelivery = obj(
	f("files", array(1, 2, presignedFile)),
	f("external_url", null),
	f("instructions", maybe(40, text("Unzip and run."))),
)

func archivable() filter {
	return filter{param: "archived", field: "archived", match: boolean, deflt: "false"}
}

func catalogueEntities() []*entity {
	return []*entity{
		{
			name: "products", prefix: "pdt_", id: "product_id", count: 40,
			filters: []filter{archivable(), {param: "recurring", field: "is_recurring", match: boolean}, {param: "brand_id"}},
			fields: []field{
				f("business_id", business),
				f("created_at", created),
				f("entitlements", array(0, 2, obj(
					f("id", anyOf("entitlements")),
					f("integration_config", raw(`{"guild_id":"1122334455","role_id":null}`)),
					f("integration_type", raw(`"discord"`)),
					f("name", text("Community", "Supporters")),
					f("description", null),
				))),
				f("is_recurring", recurring),
				f("metadata", metadata),
				f("product_id", id),
				f("tax_category", taxCategory),
				f("updated_at", updated),
				list("currency", maybe(95, currency)),
				f("description", maybe(60, text("Everything included.", "For small teams."))),
				f("image", maybe(50, imageURL)),
				f("name", maybe(98, productName)),
				list("price", maybe(95, integer(499, 29900))),
				list("price_detail", maybe(95, price)),
				detail("price", price),
				f("pricing_mode", maybe(20, one("by_currency", "by_country"))),
				list("tax_inclusive", maybe(60, flag(40))),
				hidden("archived", flag(15)),
				detail("brand_id", brandID),
				detail("credit_entitlements", array(0, 1, obj(
					f("id", token("cem_", 16)),
					f("credit_entitlement_id", anyOf("credit_entitlements")),
					f("credit_entitlement_name", text("API credits")),
					f("credit_entitlement_unit", text("credits")),
					f("credits_amount", decimal(10, 1000)),
					f("overage_behavior", overageBehavior),
					f("overage_enabled", flag(30)),
					f("proration_behavior", one("prorate", "no_prorate")),
					f("rollover_enabled", flag(30)),
					f("trial_credits_expire_after_trial", flag(50)),
				))),
				detail("license_key_enabled", flag(30)),
				detail("addons", maybe(40, array(0, 2, anyOf("addons")))),
				detail("digital_product_delivery", maybe(20, digitalDelivery)),
				detail("license_key_activation_message", maybe(20, text("Thanks!"))),
				detail("license_key_activations_limit", maybe(20, integer(1, 10))),
				detail("license_key_duration", maybe(20, raw(`{"count":1,"interval":"Year"}`))),
				detail("product_collection_id", maybe(30, anyOf("product_collections"))),
			},
		},
		{
			name: "addons", prefix: "adn_", id: "id", count: 15, //nolint:misspell // the vendor's prefix
			fields: []field{
				f("id", id),
				f("business_id", business),
				f("created_at", created),
				f("currency", currency),
				f("name", text("Extra seat", "Priority support", "Storage")),
				f("price", integer(100, 9900)),
				f("tax_category", taxCategory),
				f("updated_at", updated),
				f("description", maybe(50, text("Per month"))),
				f("image", maybe(20, imageURL)),
			},
		},
		{
			name: "discounts", prefix: "dsc_", id: "discount_id", count: 25,
			filters: []filter{
				{param: "active", match: boolean}, {param: "code", match: contains},
				{param: "discount_type", field: "type"}, {param: "product_id", field: "restricted_to", match: contains},
			},
			fields: []field{
				f("amount", integer(100, 5000)),
				f("business_id", business),
				f("code", token("SAVE", 6)),
				f("created_at", created),
				f("customer_eligibility", one("any", "any", "first_time", "existing", "specific")),
				f("discount_id", id),
				f("metadata", metadata),
				f("preserve_on_plan_change", flag(50)),
				f("restricted_to", array(0, 2, anyOf("products"))),
				f("times_used", integer(0, 900)),
				f("type", one("percentage", "flat")),
				f("currency_options", array(0, 2, obj(
					f("currency", currency), f("is_default", flag(50)), f("minimum_subtotal", integer(0, 1000)), f("max_amount_possible", null)))),
				f("expires_at", maybe(40, after(90*24*time.Hour))),
				f("name", maybe(60, text("Launch week", "Partner", "Black Friday"))),
				f("per_customer_usage_limit", maybe(30, integer(1, 3))),
				f("starts_at", maybe(20, updated)),
				f("subscription_cycles", maybe(30, integer(1, 12))),
				f("usage_limit", maybe(40, integer(100, 1000))),
				hidden("active", flag(80)),
			},
		},
		{
			name: "brands", prefix: "brnd_", id: "brand_id", count: 3,
			filters: []filter{{param: "include_archived", field: "archived_at", match: unhide, deflt: "false"}},
			fields: []field{
				f("brand_id", id),
				f("business_id", business),
				f("enabled", flag(90)),
				f("statement_descriptor", text("SYNCLINE*SHOP", "ACME*SHOP")),
				f("verification_enabled", flag(90)),
				f("verification_status", one("Success", "Success", "Review", "Hold", "Fail")),
				f("archived_at", when(func(r *row) bool { return r.i%3 == 2 }, updated)),
				f("description", maybe(50, text("Our main shop"))),
				f("image", maybe(50, imageURL)),
				f("name", maybe(95, text("Main shop", "Second brand", "Old brand"))),
				f("reason_for_hold", null),
				f("support_email", maybe(80, text("help@example.com"))),
				f("url", maybe(80, text("https://shop.example.com"))),
			},
		},
		{
			name: "meters", prefix: "mtr_", id: "id", count: 8,
			filters: []filter{archivable()},
			fields: []field{
				f("id", id),
				f("aggregation", choose(
					raw(`{"type":"count","key":null}`), raw(`{"type":"sum","key":"bytes"}`),
					raw(`{"type":"max","key":"seats"}`), raw(`{"type":"last","key":"gb"}`))),
				f("business_id", business),
				f("created_at", created),
				f("event_name", text("api.call", "storage.used", "seat.added")),
				f("measurement_unit", text("calls", "GB", "seats")),
				f("name", text("API calls", "Storage", "Seats")),
				f("updated_at", updated),
				f("description", maybe(50, text("Counts every call"))),
				f("filter", maybe(50, raw(`{"conjunction":"and","clauses":[{"conjunction":"or","clauses":[{"key":"size","operator":"greater_than","value":10},{"key":"region","operator":"equals","value":"eu"}]}]}`))),
				hidden("archived", flag(20)),
			},
		},
		{
			name: "events", prefix: "evt_", id: "event_id", count: 2000, grows: true,
			from: "start", to: "end",
			filters: by("customer_id", "event_name", "meter_id"),
			fields: []field{
				f("business_id", business),
				f("customer_id", customerID),
				f("event_id", id),
				f("event_name", text("api.call", "storage.used", "seat.added")),
				f("timestamp", created),
				f("metadata", maybe(80, value{kind: metadataKind, append: raw(`{"region":"eu","bytes":1024,"cached":false}`).append})),
				hidden("meter_id", anyOf("meters")),
			},
		},
		{
			name: "product_collections", prefix: "pdc_", id: "id", count: 10,
			filters: append(by("brand_id"), archivable()),
			fields: []field{
				f("id", id),
				f("created_at", created),
				f("name", text("Plans", "Books", "Courses")),
				list("products_count", integer(0, 12)),
				f("updated_at", updated),
				f("description", maybe(50, text("All plans"))),
				f("image", maybe(30, imageURL)),
				detail("brand_id", brandID),
				detail("groups", array(0, 2, obj(
					f("group_id", token("pcg_", 16)),
					f("products", array(1, 2, obj(
						f("id", token("pcp_", 16)),
						f("addons_count", integer(0, 3)),
						f("files_count", integer(0, 3)),
						f("has_credit_entitlements", flag(20)),
						f("is_recurring", flag(50)),
						f("license_key_enabled", flag(20)),
						f("meters_count", integer(0, 2)),
						f("product_id", anyOf("products")),
						f("status", yes),
						f("currency", maybe(90, currency)),
						f("name", maybe(90, productName)),
						f("price", maybe(90, integer(499, 9900))),
					))),
					f("status", yes),
					f("group_name", maybe(70, text("Monthly", "Yearly"))),
				))),
				detail("effective_at_on_downgrade", maybe(50, one("immediately", "next_billing_date"))),
				detail("effective_at_on_upgrade", maybe(50, one("immediately", "next_billing_date"))),
				detail("on_payment_failure", maybe(50, one("prevent_change", "apply_change"))),
				detail("proration_billing_mode_on_downgrade", maybe(50, prorationMode)),
				detail("proration_billing_mode_on_upgrade", maybe(50, prorationMode)),
				hidden("archived", flag(20)),
			},
		},
		{
			name: "short_links", prefix: "", id: "short_url", count: 12,
			filters: by("product_id"),
			fields: []field{
				f("created_at", created),
				f("full_url", around("https://checkout.dodopayments.com/buy/", anyOf("products"), "")),
				f("product_id", anyOf("products")),
				f("short_url", gen(func(b []byte, r *row) []byte {
					b = append(b, `"https://dodo.example/`...)
					return append(r.c.appendID(b, r.i), '"')
				})),
			},
		},
		{
			name: "localized_prices", prefix: "lcp_", id: "id", under: "products", count: 60,
			fields: []field{
				f("id", id),
				f("amount", integer(100, 9900)),
				f("created_at", created),
				f("currency", currency),
				f("mode", one("by_currency", "by_country")),
				f("product_id", parent),
				f("updated_at", updated),
				f("country_code", maybe(50, text(countries...))),
			},
		},
	}
}

var prorationMode = one("prorated_immediately", "full_immediately", "difference_immediately", "do_not_bill")
