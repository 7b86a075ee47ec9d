package sdktest

// eventTypes are the types of webhook by the entity they are about.
var eventTypes = map[string][]string{
	"payments": {"payment.succeeded", "payment.failed", "payment.processing", "payment.cancelled"},
	"refunds":  {"refund.succeeded", "refund.failed"},
	"disputes": {
		"dispute.opened", "dispute.expired", "dispute.accepted", "dispute.cancelled", "dispute.challenged", "dispute.won", "dispute.lost",
	},
	"subscriptions": {
		"subscription.active", "subscription.renewed", "subscription.on_hold", "subscription.past_due", "subscription.paused",
		"subscription.unpaused", "subscription.cancelled", "subscription.failed", "subscription.expired", "subscription.plan_changed",
		"subscription.updated", "subscription.update_payment_method",
	},
	"license_keys": {"license_key.created"},
	"payouts":      {"payout.created", "payout.on_hold", "payout.in_progress", "payout.failed", "payout.success"},
	"credit_ledger": {
		"credit.added", "credit.deducted", "credit.expired", "credit.rolled_over", "credit.rollover_forfeited",
		"credit.overage_charged", "credit.overage_reset", "credit.manual_adjustment",
	},
	"credit_alerts":       {"credit.balance_low"},
	"abandoned_checkouts": {"abandoned_checkout.detected", "abandoned_checkout.recovered"},
	"dunning_attempts":    {"dunning.started", "dunning.recovered"},
	"entitlement_grants": {
		"entitlement_grant.created", "entitlement_grant.delivered", "entitlement_grant.failed", "entitlement_grant.revoked",
	},
}
