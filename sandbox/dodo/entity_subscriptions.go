package dodo

import "time"

var subscriptionStatuses = struct{ open, closed []string }{
	open:   []string{"active", "active", "active", "active", "active", "active", "pending", "on_hold", "past_due", "paused"},
	closed: []string{"cancelled", "cancelled", "cancelled", "expired", "failed"},
}

// subscriptionStatus leaves three in five open: subscriptions live for years.
var subscriptionStatus = func() value {
	open, closed := quoteAll(subscriptionStatuses.open), quoteAll(subscriptionStatuses.closed)
	return value{
		kind: enumKind,
		enum: dedupe(append(append([]string{}, subscriptionStatuses.open...), subscriptionStatuses.closed...)),
		append: func(b []byte, r *row) []byte {
			if r.i >= createdBase {
				return append(b, `"pending"`...)
			}
			if r.pick(40, 5) < 3 {
				return append(b, open[r.pick(41, int64(len(open)))]...)
			}
			return append(b, closed[r.pick(41, int64(len(closed)))]...)
		},
	}
}()

// month is the billing period of every seeded subscription.
const month = int64(30 * 24 * time.Hour / time.Microsecond)

// periods is how many whole billing periods passed until the seeded data ends.
func (r *row) periods() int64 { return max((r.w.end-r.at)/month, 0) }

func cancelled(v value) value {
	return when(func(r *row) bool {
		var status [24]byte
		return string(r.appendProp(status[:0], r.c.props["status"])) == `"cancelled"`
	}, v)
}

func paused(v value) value {
	return when(func(r *row) bool {
		var status [24]byte
		return string(r.appendProp(status[:0], r.c.props["status"])) == `"paused"`
	}, v)
}

// productOfSubscription is a recurring product: those with an odd index.
func productOfSubscription(r *row) (*collection, int64) {
	p := r.w.products
	if i, ok := r.linkedProduct(); ok {
		return p, i
	}
	return p, min(r.pick(42, max(p.n/2, 1))*2+1, max(p.n-1, 0))
}

// productOfPayment is the subscription's product, or one that is sold once.
func productOfPayment(r *row) (*collection, int64) {
	p := r.w.products
	if i, ok := r.linkedProduct(); ok {
		return p, i
	}
	if i, ok := r.paymentSubscription(); ok {
		sub := r.w.subscriptions.rowAt(i)
		return productOfSubscription(&sub)
	}
	return p, r.pick(43, max((p.n+1)/2, 1)) * 2
}

func (r *row) linkedProduct() (int64, bool) {
	if r.obj == nil {
		return 0, false
	}
	return r.linkedTo(r.w.products)
}

// interval is a length of time as the API spells it.
var interval = one("Month", "Month", "Month", "Year", "Week", "Day")

func subscriptionEntities() []*entity {
	return []*entity{
		{
			name: "subscriptions", prefix: "sub_", id: "subscription_id", payload: "Subscription", count: 200, grows: true,
			from: "created_at_gte", to: "created_at_lte",
			filters: append(by("customer_id", "product_id", "brand_id", "status"),
				filter{param: "cancel_at_next_billing_date", match: boolean}),
			fields: []field{
				f("billing", billing),
				f("cancel_at_next_billing_date", flag(5)),
				f("created_at", created),
				f("currency", currency),
				f("customer", customerRef),
				list("discounts", choose(empty, empty, empty, array(1, 1, obj(
					f("discount_id", anyOf("discounts")), f("discount_cycles_remaining", maybe(50, integer(1, 12))))))),
				detail("discounts", choose(empty, empty, empty, array(1, 1, discountDetail))),
				f("has_payment_method", flag(90)),
				f("metadata", metadata),
				f("next_billing_date", value{kind: timeKind, append: func(b []byte, r *row) []byte {
					return appendTime(b, r.at+(r.periods()+1)*month)
				}}),
				f("on_demand", flag(5)),
				f("payment_frequency_count", raw("1")),
				f("payment_frequency_interval", raw(`"Month"`)),
				f("previous_billing_date", value{kind: timeKind, append: func(b []byte, r *row) []byte {
					return appendTime(b, r.at+r.periods()*month)
				}}),
				f("product_id", ref(productOfSubscription)),
				f("quantity", integer(1, 5)),
				f("recurring_pre_tax_amount", integer(499, 19900)),
				f("status", subscriptionStatus),
				f("subscription_id", id),
				f("subscription_period_count", raw("10")),
				f("subscription_period_interval", raw(`"Year"`)),
				f("tax_inclusive", flag(30)),
				f("trial_period_days", numbers(0, 0, 0, 7, 14)),
				f("cancelled_at", cancelled(updated)),
				f("customer_business_name", maybe(20, text("Acme GmbH", "Initech Ltd"))),
				f("discount_cycles_remaining", null),
				f("discount_id", null),
				f("paused_at", paused(updated)),
				f("payment_method_id", maybe(80, token("pm_", 20))),
				list("product_name", maybe(95, productName)),
				f("scheduled_change", maybe(4, obj(
					f("id", token("sch_", 16)),
					f("addons", array(0, 1, obj(f("addon_id", anyOf("addons")), f("name", text("Extra seat")), f("quantity", integer(1, 3))))),
					f("created_at", updated),
					f("effective_at", updated),
					f("product_id", anyOf("products")),
					f("quantity", integer(1, 3)),
					f("product_description", null),
					f("product_name", maybe(80, productName)),
				))),
				f("tax_id", maybe(10, text("DE123456789", "GB999999973"))),
				f("trial_amount", maybe(5, integer(0, 100))),
				hidden("customer_id", customerID),
				detail("addons", array(0, 2, obj(f("addon_id", anyOf("addons")), f("quantity", integer(1, 5))))),
				detail("brand_id", brandID),
				detail("credit_entitlement_cart", array(0, 1, obj(
					f("credit_entitlement_id", anyOf("credit_entitlements")),
					f("credit_entitlement_name", text("API credits")),
					f("credits_amount", decimal(10, 1000)),
					f("overage_balance", raw(`"0"`)),
					f("overage_behavior", overageBehavior),
					f("overage_enabled", flag(30)),
					f("product_id", ref(productOfSubscription)),
					f("remaining_balance", decimal(0, 1000)),
					f("rollover_enabled", flag(30)),
					f("unit", text("credits")),
					f("expires_after_days", maybe(50, integer(30, 90))),
					f("low_balance_threshold_percent", maybe(50, integer(5, 20))),
					f("max_rollover_count", maybe(20, integer(1, 3))),
					f("overage_limit", maybe(20, decimal(10, 100))),
					f("rollover_percentage", maybe(20, integer(10, 100))),
					f("rollover_timeframe_count", null),
					f("rollover_timeframe_interval", null),
				))),
				detail("meter_credit_entitlement_cart", array(0, 1, obj(
					f("credit_entitlement_id", anyOf("credit_entitlements")),
					f("meter_id", anyOf("meters")),
					f("meter_name", text("API calls")),
					f("meter_units_per_credit", raw(`"10"`)),
					f("product_id", ref(productOfSubscription)),
				))),
				detail("meters", array(0, 1, obj(
					f("currency", currency),
					f("free_threshold", integer(0, 1000)),
					f("measurement_unit", text("calls", "GB")),
					f("meter_id", anyOf("meters")),
					f("name", text("API calls", "Storage")),
					f("description", maybe(30, text("Billed monthly"))),
					f("price_per_unit", maybe(90, decimal(0, 2))),
				))),
				detail("cancellation_comment", cancelled(maybe(30, text("Too many features", "Will be back")))),
				detail("cancellation_feedback", cancelled(maybe(60, one("too_expensive", "missing_features", "switched_service",
					"unused", "customer_service", "low_quality", "too_complex", "other")))),
				detail("custom_field_responses", maybe(10, raw(`[{"key":"vat","value":"DE123456789"}]`))),
				detail("expires_at", maybe(80, value{kind: timeKind, append: func(b []byte, r *row) []byte {
					return appendTime(b, r.at+120*month)
				}})),
				event("past_due_ends_at", null),
			},
		},
		{
			name: "usage_history", under: "subscriptions", count: 1200, grows: true,
			from: "start_date", to: "end_date",
			filters: []filter{{param: "meter_id", match: contains, field: "meters"}},
			fields: []field{
				f("end_date", value{kind: timeKind, append: func(b []byte, r *row) []byte { return appendTime(b, r.at+month) }}),
				f("meters", array(1, 2, obj(
					f("id", anyOf("meters")),
					f("chargeable_units", decimal(0, 900)),
					f("consumed_units", decimal(0, 900)),
					f("currency", currency),
					f("free_threshold", integer(0, 100)),
					f("name", text("API calls", "Storage")),
					f("price_per_unit", decimal(0, 2)),
					f("total_price", integer(0, 9000)),
				))),
				f("start_date", created),
				hidden("subscription_id", parent),
			},
		},
		{
			name: "credit_usage", under: "subscriptions", count: 200, grows: true,
			fields: []field{
				f("balance", decimal(0, 900)),
				f("credit_entitlement_id", anyOf("credit_entitlements")),
				f("credit_entitlement_name", text("API credits", "Minutes")),
				f("limit_reached", flag(10)),
				f("overage", decimal(0, 10)),
				f("overage_enabled", flag(30)),
				f("unit", text("credits", "minutes")),
				f("overage_limit", maybe(20, decimal(10, 100))),
				f("remaining_headroom", maybe(20, decimal(0, 100))),
				hidden("subscription_id", parent),
			},
		},
	}
}
