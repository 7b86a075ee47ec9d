package dodo

import "time"

var overageBehavior = one("forgive_at_reset", "invoice_at_billing", "carry_deficit", "carry_deficit_auto_repay")

func creditEntities() []*entity {
	return []*entity{
		{
			name: "credit_entitlements", prefix: "cde_", id: "id", link: "credit_entitlement_id", count: 10,
			filters: []filter{{param: "deleted", match: boolean, deflt: "false"}},
			fields: []field{
				f("id", id),
				f("business_id", business),
				f("created_at", created),
				f("name", text("API credits", "Minutes", "Renders")),
				f("overage_behavior", overageBehavior),
				f("overage_enabled", flag(40)),
				f("precision", integer(0, 4)),
				f("rollover_enabled", flag(40)),
				f("unit", text("credits", "minutes", "renders")),
				f("updated_at", updated),
				f("currency", maybe(50, currency)),
				f("description", maybe(50, text("Monthly allowance"))),
				f("expires_after_days", maybe(50, integer(30, 365))),
				f("max_rollover_count", maybe(30, integer(1, 3))),
				f("overage_limit", maybe(30, integer(10, 1000))),
				f("price_per_unit", maybe(50, decimal(0, 5))),
				f("rollover_percentage", maybe(30, integer(10, 100))),
				f("rollover_timeframe_count", maybe(30, integer(1, 3))),
				f("rollover_timeframe_interval", maybe(30, interval)),
				hidden("deleted", flag(20)),
			},
		},
		{
			name: "credit_balances", prefix: "cbl_", id: "id", link: "balance_id", under: "customers", count: 400, grows: true,
			filters: by("customer_id"),
			fields: []field{
				f("id", id),
				f("balance", decimal(0, 1000)),
				f("created_at", created),
				f("credit_entitlement_id", anyOf("credit_entitlements")),
				f("customer_id", parent),
				f("overage", decimal(0, 10)),
				f("updated_at", updated),
				f("last_transaction_at", maybe(80, updated)),
			},
		},
		{
			// The same balances as a customer's own list shows them.
			name: "customer_credits", under: "credit_balances", count: 400, grows: true,
			fields: []field{
				f("balance", propOfParent("balance")),
				f("credit_entitlement_id", propOfParent("credit_entitlement_id")),
				f("name", text("API credits", "Minutes", "Renders")),
				f("overage", propOfParent("overage")),
				f("unit", text("credits", "minutes", "renders")),
				f("description", maybe(50, text("Monthly allowance"))),
				hidden("customer_id", propOfParent("customer_id")),
			},
		},
		{
			name: "credit_grants", prefix: "cgr_", id: "id", under: "credit_balances", count: 600, grows: true,
			filters: []filter{{param: "status", field: "grant_status"}},
			fields: []field{
				f("id", id),
				f("created_at", created),
				f("credit_entitlement_id", propOfParent("credit_entitlement_id")),
				f("customer_id", parentOfParent),
				f("initial_amount", decimal(10, 1000)),
				f("is_expired", flag(20)),
				f("is_rolled_over", flag(10)),
				f("remaining_amount", decimal(0, 10)),
				f("rollover_count", integer(0, 2)),
				f("source_type", one("subscription", "one_time", "addon", "api", "rollover")),
				f("updated_at", updated),
				f("expires_at", maybe(60, after(90*24*time.Hour))),
				f("metadata", metadata),
				f("parent_grant_id", null),
				f("source_id", maybe(60, anyOf("subscriptions"))),
				hidden("grant_status", one("active", "expired", "depleted")),
			},
		},
		{
			name: "credit_ledger", prefix: "cle_", id: "id", payload: "CreditLedgerEntry", under: "credit_balances", count: 1200, grows: true,
			from: "start_date", to: "end_date",
			filters: by("transaction_type"),
			fields: []field{
				f("id", id),
				f("amount", decimal(1, 100)),
				f("balance_after", decimal(0, 1000)),
				f("balance_before", decimal(0, 1000)),
				f("brand_id", brandID),
				f("business_id", business),
				f("created_at", created),
				f("credit_entitlement_id", propOfParent("credit_entitlement_id")),
				f("customer_id", parentOfParent),
				f("is_credit", flag(40)),
				f("metadata", metadata),
				f("overage_after", raw(`"0"`)),
				f("overage_before", raw(`"0"`)),
				f("transaction_type", one("credit_added", "credit_deducted", "credit_expired", "credit_rolled_over",
					"rollover_forfeited", "overage_charged", "overage_reset", "auto_top_up", "manual_adjustment", "refund")),
				f("description", maybe(30, text("Top-up", "Usage"))),
				f("grant_id", maybe(60, anyOf("credit_grants"))),
				f("reference_id", maybe(50, anyOf("subscriptions"))),
				f("reference_type", maybe(50, text("subscription", "payment"))),
			},
		},
	}
}

// alertEntities have no list: they exist as webhooks, and checkouts by id.
func alertEntities() []*entity {
	return []*entity{
		{
			name: "checkouts", prefix: "cks_", id: "id", count: 100, grows: true,
			fields: []field{
				f("id", id),
				f("created_at", created),
				f("customer_email", maybe(90, gen(func(b []byte, r *row) []byte {
					c := r.w.customers.rowAt(r.customerIndex())
					return quotedEmail.append(b, &c)
				}))),
				f("customer_name", maybe(90, ref2name)),
				f("payment_id", maybe(70, anyOf("payments"))),
				f("payment_status", maybe(70, one("succeeded", "failed", "processing"))),
			},
		},
		{
			name: "abandoned_checkouts", prefix: "abc_", payload: "AbandonedCheckout", count: 20,
			fields: []field{
				f("abandoned_at", created),
				f("abandonment_reason", one("payment_failed", "checkout_incomplete")),
				f("brand_id", brandID),
				f("customer_id", customerID),
				f("payment_id", anyOf("payments")),
				f("status", one("abandoned", "recovering", "recovered", "exhausted", "opted_out")),
				f("recovered_payment_id", maybe(30, anyOf("payments"))),
			},
		},
		{
			name: "dunning_attempts", prefix: "dun_", payload: "DunningAttempt", count: 20,
			fields: []field{
				f("brand_id", brandID),
				f("created_at", created),
				f("customer_id", customerID),
				f("status", one("recovering", "recovered", "exhausted")),
				f("subscription_id", anyOf("subscriptions")),
				f("trigger_state", one("on_hold", "cancelled", "past_due")),
				f("payment_id", maybe(70, anyOf("payments"))),
			},
		},
		{
			name: "credit_alerts", prefix: "cba_", payload: "CreditBalanceLow", count: 20,
			fields: []field{
				f("available_balance", decimal(0, 10)),
				f("brand_id", brandID),
				f("credit_entitlement_id", anyOf("credit_entitlements")),
				f("credit_entitlement_name", text("API credits", "Minutes")),
				f("customer_id", customerID),
				f("subscription_credits_amount", decimal(100, 1000)),
				f("subscription_id", anyOf("subscriptions")),
				f("threshold_amount", decimal(10, 100)),
				f("threshold_percent", integer(5, 20)),
			},
		},
	}
}
