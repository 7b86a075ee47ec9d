package sdktest

// goProblems is what the Go library does not understand although the sandbox
// is right: the library is older than the API as the sandbox has it, and has
// faults of its own.
var goProblems = []string{
	// Added to the API later.
	"BalanceLedgerEntry.payout_id: not in the type",
	`BalanceLedgerEntryEventType: unknown member "deflection_fees"`,
	`BalanceLedgerEntryEventType: unknown member "deflection_fees_reversal"`,
	`BalanceLedgerEntryEventType: unknown member "dispute_fees_reversal"`,
	`BalanceLedgerEntryEventType: unknown member "ethoca_fees"`,
	`BalanceLedgerEntryEventType: unknown member "ethoca_fees_reversal"`,
	`BalanceLedgerEntryEventType: unknown member "moderation_fees"`,
	`BalanceLedgerEntryEventType: unknown member "reserve_hold"`,
	`BalanceLedgerEntryEventType: unknown member "reserve_release"`,
	`BalanceLedgerEntryEventType: unknown member "visa_rdr_fee"`,
	"Customer.blocked_at: not in the type",
	"Customer.blocklist_entry_id: not in the type",
	"LicenseKeyGrant.id: not in the type",
	"LicenseKeyGrant.status: not in the type",
	"Payment.is_multi_subscription: not in the type",
	"Payment.subscription_ids: not in the type",
	"PaymentListResponse.is_multi_subscription: not in the type",
	"PaymentListResponse.subscription_ids: not in the type",
	"PriceOneTimePrice.discount_bps: not in the type",
	"Subscription.has_payment_method: not in the type",
	"Subscription.past_due_ends_at: not in the type",
	"SubscriptionListResponse.has_payment_method: not in the type",
	// The type of a dispute webhook's data is the dispute inside a payment,
	// which has fewer fields than the webhook's own schema.
	"Dispute.brand_id: not in the type",
	"Dispute.customer: not in the type",
	"Dispute.payment_provider: not in the type",
	"Dispute.reason: not in the type",
	// A meter's filter of filters is taken for one of conditions.
	"FilterTypeMeterFilterConditionListItem.clauses: not in the type",
	"FilterTypeMeterFilterConditionListItem.conjunction: not in the type",
	"FilterTypeMeterFilterConditionListItem.key: missing",
	"FilterTypeMeterFilterConditionListItem.operator: missing",
	"FilterTypeMeterFilterConditionListItem.value: missing",
}
