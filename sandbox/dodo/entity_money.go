package dodo

import (
	"strconv"
	"time"
)

// Closed lists of the Dodo API reference, section 2.3.
var (
	intentStatuses = []string{
		"succeeded", "failed", "cancelled", "processing", "requires_customer_action", "requires_merchant_action",
		"requires_payment_method", "requires_confirmation", "requires_capture", "partially_captured",
		"partially_captured_and_capturable",
	}
	disputeStatuses = []string{
		"dispute_opened", "dispute_expired", "dispute_accepted", "dispute_cancelled", "dispute_challenged",
		"dispute_won", "dispute_lost",
	}
	currencies = quoteAll([]string{"USD", "USD", "USD", "USD", "EUR", "EUR", "GBP", "INR", "JPY", "KWD"})
	countries  = []string{"US", "US", "DE", "GB", "IN", "JP", "FR", "BR", "KW", "NL"}
)

// currency is the same for every amount of one object.
var currency = gen(func(b []byte, r *row) []byte { return append(b, r.currency()...) })

func (r *row) currency() string { return currencies[r.pick(11, int64(len(currencies)))] }

// provider is who moved the money.
var provider = one("dodo", "dodo", "stripe", "adyen")

// billing is the address of a sale.
var billing = obj(
	f("country", text(countries...)),
	f("city", maybe(90, text("Springfield", "Berlin", "Pune", "Osaka", "Lyon"))),
	f("state", maybe(70, text("NY", "BE", "MH", "OS", "CA"))),
	f("street", maybe(80, text("1 Main St", "Ringstr. 12", "4 Mill Lane"))),
	f("zipcode", maybe(90, text("10001", "10115", "411001", "530-0001"))),
)

// from the payment that a refund, dispute or licence key belongs to.
func (r *row) parentRow() row {
	i := r.parent()
	if i >= createdBase {
		if it, ok := r.c.parent.find(i); ok {
			return r.c.parent.rowOf(it)
		}
	}
	return r.c.parent.rowAt(i)
}

var ofParent = struct{ currency, customerID, brandID value }{
	currency: gen(func(b []byte, r *row) []byte {
		p := r.parentRow()
		return p.appendProp(b, p.c.props["currency"])
	}),
}

// paymentSubscription is the subscription a payment renews; two in five do.
func (r *row) paymentSubscription() (int64, bool) {
	subs := r.w.subscriptions
	if r.obj != nil {
		if v, ok := r.obj.fields["subscription_id"]; ok && v == "null" {
			return 0, false
		}
		if i, ok := r.linkedTo(subs); ok {
			return i, true
		}
	}
	if subs.n == 0 || r.pick(20, 5) >= 2 {
		return 0, false
	}
	return r.older(subs, 21), true
}

// isMulti reports whether a payment renews several subscriptions at once: then
// subscription_id is null and subscription_ids has them.
func (r *row) isMulti() bool { return r.pick(22, 50) == 0 }

// total is the whole amount of a payment.
func (r *row) total() int64 { return 499 + 100*r.pick(23, 300) }

// settled reports whether the money of a payment must have arrived because
// something that needs it exists.
func (r *row) settled() bool {
	for _, c := range [...]*collection{r.w.refunds, r.w.disputes, r.w.licences} {
		if lo, hi := c.children(r.i); lo < hi && r.i < createdBase {
			return true
		}
	}
	return false
}

var quotedIntents = quoteAll(intentStatuses)

var paymentStatus = value{kind: enumKind, enum: intentStatuses, append: func(b []byte, r *row) []byte {
	switch {
	case r.i >= createdBase:
		return append(b, `"processing"`...)
	case r.settled():
		return append(b, `"succeeded"`...)
	case r.isOpen():
		// Half of what is open is processing, the rest are the rarer waits.
		return append(b, quotedIntents[3+max(r.pick(1, 16)-8, 0)]...)
	}
	switch k := r.pick(2, 100); {
	case k < 91:
		return append(b, `"succeeded"`...)
	case k < 98:
		return append(b, `"failed"`...)
	case k < 99:
		return append(b, `"cancelled"`...)
	}
	return append(b, "null"...)
}}

// refundStatus is null until a refund succeeded.
var refundStatus = value{kind: enumKind, enum: []string{"partial", "full"}, append: func(b []byte, r *row) []byte {
	if refund, ok := r.w.refunds.firstChild(r.i); ok {
		var status [24]byte
		if string(refund.appendProp(status[:0], refund.c.props["status"])) == `"succeeded"` {
			if refund.isPartial() {
				return append(b, `"partial"`...)
			}
			return append(b, `"full"`...)
		}
	}
	return append(b, "null"...)
}}

func (r *row) isPartial() bool { return r.pick(24, 4) == 0 }

func moneyEntities() []*entity {
	subscriptionOf := func(r *row) (*collection, int64) {
		i, _ := r.paymentSubscription()
		return r.w.subscriptions, i
	}
	ofSubscription := func(r *row) bool {
		_, ok := r.paymentSubscription()
		return ok
	}
	paymentDispute := func(b []byte, r *row) []byte {
		if d, ok := r.w.disputes.firstChild(r.i); ok {
			return d.appendProp(b, d.c.props["dispute_status"])
		}
		return append(b, "null"...)
	}
	card := func(v value) value { return when(func(r *row) bool { return r.pick(25, 10) < 8 }, v) }
	failed := func(v value) value {
		return when(func(r *row) bool {
			var status [40]byte
			return string(r.appendProp(status[:0], r.c.props["status"])) == `"failed"`
		}, v)
	}
	return []*entity{
		{
			name: "payments", prefix: "pay_", id: "payment_id", payload: "Payment", count: 1000, grows: true,
			from: "created_at_gte", to: "created_at_lte",
			filters: by("customer_id", "subscription_id", "product_id", "brand_id", "status", "currency"),
			fields: []field{
				f("brand_id", brandID),
				f("created_at", created),
				f("currency", currency),
				f("customer", customerRef),
				f("digital_products_delivered", flag(30)),
				list("has_license_key", gen(func(b []byte, r *row) []byte {
					lo, hi := r.w.licences.children(r.i)
					return strconv.AppendBool(b, lo < hi)
				})),
				f("is_multi_subscription", gen(func(b []byte, r *row) []byte {
					return strconv.AppendBool(b, ofSubscription(r) && r.isMulti())
				})),
				f("metadata", metadata),
				f("payment_id", id),
				f("payment_provider", provider),
				f("subscription_ids", gen(func(b []byte, r *row) []byte {
					i, ok := r.paymentSubscription()
					if !ok {
						return append(b, "[]"...)
					}
					subs := r.w.subscriptions
					b = append(subs.appendID(append(b, '[', '"'), i), '"')
					if r.isMulti() {
						b = append(subs.appendID(append(b, ',', '"'), r.older(subs, 26)), '"')
					}
					return append(b, ']')
				})),
				f("total_amount", value{kind: integerKind, append: func(b []byte, r *row) []byte {
					return strconv.AppendInt(b, r.total(), 10)
				}}),
				f("card_last_four", card(text("4242", "1881", "0005", "9424", "1117"))),
				f("card_network", card(text("VISA", "MASTERCARD", "AMEX", "RUPAY"))),
				list("dispute_status", value{kind: enumKind, enum: disputeStatuses, append: paymentDispute}),
				f("invoice_id", maybe(90, token("inv_", 12))),
				f("invoice_url", maybe(10, gen(func(b []byte, r *row) []byte {
					b = append(b, `"https://test.dodopayments.com/invoices/payments/`...)
					return append(r.c.appendID(b, r.i), '"')
				}))),
				f("payment_method", maybe(96, choose(text("card"), text("card"), text("upi"), text("wallet")))),
				f("payment_method_type", maybe(80, choose(text("credit"), text("debit"), text("upi_intent"), text("apple_pay")))),
				f("refund_status", refundStatus),
				f("status", paymentStatus),
				f("subscription_id", when(func(r *row) bool { return ofSubscription(r) && !r.isMulti() }, ref(subscriptionOf))),
				hidden("customer_id", customerID),
				hidden("product_id", ref(productOfPayment)),
				detail("billing", billing),
				detail("business_id", business),
				fixed(detail("disputes", gen(embedded(func(w *world) *collection { return w.disputes }, embeddedDispute)))),
				detail("is_update_payment_method", no),
				fixed(detail("refunds", gen(embedded(func(w *world) *collection { return w.refunds }, nil)))),
				detail("retry_attempt", integer(0, 2)),
				detail("settlement_amount", value{kind: integerKind, append: func(b []byte, r *row) []byte {
					return strconv.AppendInt(b, r.total()*95/100, 10)
				}}),
				detail("settlement_currency", raw(`"USD"`)),
				detail("card_holder_name", card(ref2name)),
				detail("card_issuing_country", card(text(countries...))),
				detail("card_type", card(text("credit", "debit"))),
				detail("checkout_session_id", maybe(60, token("cks_", 20))),
				detail("custom_field_responses", maybe(10, raw(`[{"key":"vat","value":"DE123456789"}]`))),
				detail("discount_id", null),
				detail("discounts", maybe(10, array(1, 1, discountDetail))),
				detail("error_code", failed(text("INSUFFICIENT_FUNDS", "CARD_DECLINED", "EXPIRED_CARD"))),
				detail("error_message", failed(text("The card was declined.", "Your card has expired."))),
				detail("payment_link", maybe(30, around("https://test.checkout.dodopayments.com/", token("", 10), ""))),
				detail("payment_method_id", maybe(60, token("pm_", 20))),
				detail("product_cart", array(1, 1, obj(f("product_id", ref(productOfPayment)), f("quantity", integer(1, 3))))),
				detail("settlement_tax", maybe(70, integer(0, 900))),
				detail("tax", maybe(70, integer(0, 900))),
				detail("updated_at", maybe(60, after(time.Hour))),
			},
		},
		{
			name: "refunds", prefix: "ref_", id: "refund_id", payload: "Refund", count: 60, grows: true,
			under: "payments", lag: 97 * time.Minute,
			from: "created_at_gte", to: "created_at_lte",
			filters: by("customer_id", "subscription_id", "status"),
			fields: []field{
				f("business_id", business),
				f("created_at", created),
				f("is_partial", gen(func(b []byte, r *row) []byte { return strconv.AppendBool(b, r.isPartial()) })),
				f("payment_id", parent),
				f("refund_id", id),
				f("status", lifecycle([]string{"pending", "review"}, []string{"succeeded", "succeeded", "succeeded", "failed"})),
				f("amount", value{kind: integerKind, append: func(b []byte, r *row) []byte {
					p := r.parentRow()
					if r.isPartial() {
						return strconv.AppendInt(b, p.total()/2, 10)
					}
					return strconv.AppendInt(b, p.total(), 10)
				}}),
				f("currency", ofParent.currency),
				f("reason", maybe(50, text("requested_by_customer", "duplicate", "fraudulent"))),
				detail("brand_id", brandOfParent),
				detail("customer", customerRef),
				detail("metadata", metadata),
				hidden("customer_id", customerID),
				hidden("subscription_id", propOfParent("subscription_id")),
			},
		},
		{
			name: "disputes", prefix: "dp_", id: "dispute_id", payload: "Dispute", count: 20, grows: true,
			under: "payments", lag: 3 * time.Hour,
			from: "created_at_gte", to: "created_at_lte",
			filters: by("customer_id", "dispute_status", "dispute_stage"),
			fields: append(disputeFields(),
				list("payment_provider", provider),
				detail("payment_provider", provider),
				f("is_resolved_by_rdr", maybe(50, flag(20))),
				detail("brand_id", brandOfParent),
				detail("customer", customerRef),
				detail("reason", maybe(80, text("fraudulent", "product_not_received", "duplicate"))),
				detail("remarks", maybe(20, text("Evidence submitted.", "Customer confirmed."))),
				hidden("customer_id", customerID),
			),
		},
		payouts(), payoutBreakup(), payoutDetails(), balanceLedger(), lineItems(),
	}
}

// disputeFields are what a dispute shows everywhere.
func disputeFields() []field {
	return []field{
		f("amount", gen(func(b []byte, r *row) []byte {
			p := r.parentRow()
			return append(strconv.AppendInt(append(b, '"'), p.total(), 10), '"')
		})),
		f("business_id", business),
		f("created_at", created),
		f("currency", ofParent.currency),
		f("dispute_id", id),
		f("dispute_stage", one("dispute", "dispute", "pre_dispute", "pre_arbitration")),
		f("dispute_status", lifecycle(
			[]string{"dispute_opened", "dispute_challenged"},
			[]string{"dispute_won", "dispute_lost", "dispute_expired", "dispute_accepted", "dispute_cancelled"})),
		f("payment_id", parent),
	}
}

// embeddedDispute is the shape of a dispute inside a payment.
var embeddedDispute = compile(append(disputeFields(),
	f("is_resolved_by_rdr", maybe(50, flag(20))),
	f("remarks", maybe(20, text("Evidence submitted.", "Customer confirmed."))),
), inDetail)

// embedded is the children of an object as an array, as list rows unless other
// fields are given.
func embedded(of func(w *world) *collection, fields []compiledField) func([]byte, *row) []byte {
	return func(b []byte, r *row) []byte {
		c := of(r.w)
		b = append(b, '[')
		for k, it := range c.childrenOf(r.i) {
			if k > 0 {
				b = append(b, ',')
			}
			child := c.rowOf(it)
			if fields == nil {
				b = child.append(b, c.lists)
			} else {
				b = child.append(b, fields)
			}
		}
		return append(b, ']')
	}
}

// propOfParent is a property of the object this one belongs to.
func propOfParent(name string) value {
	return gen(func(b []byte, r *row) []byte {
		p := r.parentRow()
		return p.appendProp(b, p.c.props[name])
	})
}

var brandOfParent = propOfParent("brand_id")

func payouts() *entity {
	return &entity{
		name: "payouts", prefix: "pyt_", id: "payout_id", payload: "Payout", count: 24,
		from: "created_at_gte", to: "created_at_lte",
		fields: []field{
			f("amount", integer(10_000, 5_000_000)),
			f("business_id", business),
			f("chargebacks", integer(0, 3)),
			f("created_at", created),
			f("currency", raw(`"USD"`)),
			f("fee", integer(100, 5000)),
			f("payment_method", text("bank_transfer", "wire")),
			f("payout_id", id),
			f("refunds", integer(0, 9000)),
			f("status", lifecycle([]string{"not_initiated", "in_progress", "on_hold"}, []string{"success", "success", "success", "failed"})),
			f("tax", integer(0, 900)),
			f("updated_at", after(72*time.Hour)),
			f("name", maybe(50, text("Weekly payout", "Monthly payout"))),
			f("payout_document_url", maybe(80, gen(func(b []byte, r *row) []byte {
				b = append(b, `"https://test.dodopayments.com/invoices/payouts/`...)
				return append(r.c.appendID(b, r.i), '"')
			}))),
			f("remarks", maybe(10, text("Held for review", "Bank details changed"))),
		},
	}
}

// ledgerEvents are the events of the merchant's own balance.
var ledgerEvents = []string{
	"payment", "refund", "refund_reversal", "dispute", "dispute_reversal", "tax", "tax_reversal", "payment_fees",
	"refund_fees", "refund_fees_reversal", "dispute_fees", "payout", "payout_fees", "payout_reversal",
	"payout_fees_reversal", "dodo_credits", "adjustment", "currency_conversion", "abandoned_cart_recovery_fee",
	"dunning_fees", "payment_retry_fee", "byop_fee", "ethoca_fees", "ethoca_fees_reversal", "visa_rdr_fee",
	"dispute_fees_reversal", "deflection_fees", "deflection_fees_reversal", "reserve_hold", "reserve_release",
	"moderation_fees",
}

func payoutBreakup() *entity {
	return &entity{
		name: "payout_breakup", under: "payouts", count: 72, grows: true,
		fields: []field{
			f("event_type", one(ledgerEvents...)),
			f("total", integer(-90_000, 900_000)),
			hidden("payout_id", parent),
		},
	}
}

func payoutDetails() *entity {
	return &entity{
		name: "payout_breakup_details", prefix: "pbd_", id: "id", under: "payouts", count: 360, grows: true,
		fields: []field{
			f("id", id),
			f("created_at", created),
			f("event_type", one(ledgerEvents...)),
			f("original_amount", integer(-9000, 90_000)),
			f("original_currency", currency),
			f("payout_currency_amount", integer(-9000, 90_000)),
			f("usd_equivalent_amount", integer(-9000, 90_000)),
			f("description", maybe(40, text("Fee", "Tax withheld", "Sale"))),
			f("reference_object_id", maybe(80, anyOf("payments"))),
			hidden("payout_id", parent),
		},
	}
}

func balanceLedger() *entity {
	return &entity{
		name: "balance_ledger", prefix: "bal_", id: "id", count: 2000, grows: true,
		from: "created_at_gte", to: "created_at_lte",
		filters: by("currency", "event_type", "reference_object_id"),
		fields: []field{
			f("id", id),
			f("amount", integer(1, 90_000)),
			f("business_id", business),
			f("created_at", created),
			f("currency", currency),
			f("event_type", one(ledgerEvents...)),
			f("is_credit", flag(70)),
			f("usd_equivalent_amount", integer(1, 90_000)),
			f("after_balance", maybe(90, integer(0, 9_000_000))),
			f("before_balance", maybe(90, integer(0, 9_000_000))),
			f("description", maybe(30, text("Fee", "Sale", "Adjustment"))),
			f("payout_id", maybe(50, anyOf("payouts"))),
			f("reference_object_id", maybe(80, anyOf("payments"))),
		},
	}
}

func lineItems() *entity {
	return &entity{
		name: "line_items", prefix: "itm_", id: "items_id", under: "payments", count: 1500, grows: true,
		fields: []field{
			f("amount", integer(100, 9000)),
			f("items_id", id),
			f("refundable_amount", integer(0, 9000)),
			f("tax", integer(0, 900)),
			f("description", maybe(50, text("Monthly plan", "One seat"))),
			f("name", maybe(90, productName)),
			hidden("payment_id", parent),
		},
	}
}
