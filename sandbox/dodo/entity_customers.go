package dodo

import (
	"strconv"
	"time"
)

var (
	firstNames = []string{"Ada", "Grace", "Alan", "Edsger", "Barbara", "Linus", "Margaret", "Ken", "Radia", "Donald", "Frances", "Tony"}
	lastNames  = []string{"Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Torvalds", "Hamilton", "Thompson", "Perlman", "Knuth", "Allen", "Hoare"}
)

// customerIndex is the customer an object belongs to. A subscription has its
// own, a payment that renews one shares it, and so do refunds, disputes and
// licence keys with their payment.
func (r *row) customerIndex() int64 {
	customers := r.w.customers
	if r.obj != nil {
		if i, ok := r.linkedTo(customers); ok {
			return i
		}
	}
	switch r.c {
	case r.w.payments:
		if i, ok := r.paymentSubscription(); ok {
			sub := r.w.subscriptions.rowAt(i)
			return sub.older(customers, 31)
		}
	case r.w.refunds, r.w.disputes, r.w.licences:
		p := r.parentRow()
		return p.customerIndex()
	}
	return r.older(customers, 31)
}

var customerID = ref(func(r *row) (*collection, int64) { return r.w.customers, r.customerIndex() })

// appendName appends a customer's seeded name without quotes.
func (r *row) appendName(b []byte) []byte {
	b = append(b, firstNames[r.pick(32, int64(len(firstNames)))]...)
	b = append(b, ' ')
	b = append(b, lastNames[r.pick(33, int64(len(lastNames)))]...)
	return r.appendNameDirt(b)
}

func (r *row) appendEmail(b []byte) []byte {
	b = append(b, "customer"...)
	b = strconv.AppendInt(b, r.i, 10)
	return append(b, "@example.com"...)
}

// quotedName is the name of the object's customer, or its own if it is one.
var quotedName = gen(func(b []byte, r *row) []byte { return append(r.appendName(append(b, '"')), '"') })

// ref2name is the name of the customer an object belongs to.
var ref2name = gen(func(b []byte, r *row) []byte {
	c := r.w.customers.rowAt(r.customerIndex())
	return quotedName.append(b, &c)
})

var quotedEmail = gen(func(b []byte, r *row) []byte { return append(r.appendEmail(append(b, '"')), '"') })

var phone = maybe(50, gen(func(b []byte, r *row) []byte {
	return append(appendPadded(append(b, `"+1202555`...), r.below(10000), 4), '"')
}))

// customerRef is the customer inside payments, subscriptions, refunds and
// disputes, without the optional metadata and phone_number: as it was when the object was made, so renaming a customer changes
// no payment.
var customerRef = gen(func(b []byte, r *row) []byte {
	c := r.w.customers.rowAt(r.customerIndex())
	b = append(b, `{"customer_id":"`...)
	b = c.c.appendID(b, c.i)
	b = append(b, `","email":"`...)
	b = c.appendEmail(b)
	b = append(b, `","name":"`...)
	return append(c.appendName(b), '"', '}')
})

func customerEntities() []*entity {
	return []*entity{
		{
			name: "customers", prefix: "cus_", id: "customer_id", count: 400, grows: true,
			from: "created_at_gte", to: "created_at_lte",
			filters: []filter{{param: "email"}, {param: "name", match: contains}},
			fields: []field{
				f("business_id", business),
				f("created_at", created),
				f("customer_id", id),
				f("email", quotedEmail),
				f("name", quotedName),
				fixed(list("blocked_at", null)),
				fixed(list("blocklist_entry_id", null)),
				detail("blocked_at", maybe(2, after(time.Hour))),
				detail("blocklist_entry_id", maybe(2, anyOf("blocklist"))),
				f("metadata", metadata),
				f("phone_number", phone),
			},
		},
		{
			name: "wallets", id: "", under: "customers", count: 400, grows: true,
			fields: []field{
				f("balance", integer(0, 90_000)),
				f("created_at", created),
				f("currency", currency),
				f("customer_id", parent),
				f("updated_at", updated),
			},
		},
		{
			name: "wallet_ledger", prefix: "wle_", id: "id", under: "customers", count: 800, grows: true,
			filters: by("currency"),
			fields: []field{
				f("id", id),
				f("after_balance", integer(0, 90_000)),
				f("amount", integer(1, 9000)),
				f("before_balance", integer(0, 90_000)),
				f("business_id", business),
				f("created_at", created),
				f("currency", currency),
				f("customer_id", parent),
				f("event_type", one("payment", "payment_reversal", "refund", "refund_reversal", "dispute", "dispute_reversal", "merchant_adjustment")),
				f("is_credit", flag(50)),
				f("reason", maybe(20, text("Goodwill", "Correction"))),
				f("reference_object_id", maybe(50, anyOf("payments"))),
			},
		},
		{
			name: "emails", prefix: "eml_", id: "email_log_id", under: "customers", count: 1200, grows: true,
			fields: []field{
				f("category", text("payments", "subscriptions", "account")),
				f("created_at", created),
				f("email_log_id", id),
				f("email_type", text("payment_receipt", "subscription_renewal", "licence_key")),
				f("has_preview", flag(80)),
				f("policies", raw(`{"requires_different_address":false,"resend_allowed":true,"resends_remaining":3,"retry_allowed":false,"superseded":false}`)),
				f("status", one("delivered", "delivered", "sent", "failed", "complained", "blocked")),
				f("failure_code", maybe(5, one("mailbox_not_found", "mailbox_full", "marked_as_spam"))),
				f("failure_reason", maybe(5, text("Mailbox does not exist"))),
				f("from", maybe(90, text("billing@example.com"))),
				f("recipient", maybe(90, gen(func(b []byte, r *row) []byte {
					c := r.parentRow()
					return quotedEmail.append(b, &c)
				}))),
				f("subject", maybe(90, text("Your receipt", "Your subscription renews soon"))),
				hidden("customer_id", parent),
			},
		},
		{
			name: "payment_methods", prefix: "pm_", id: "payment_method_id", under: "customers", count: 500, grows: true,
			fields: []field{
				f("payment_method", one("card", "card", "card", "wallet", "upi", "bank_debit")),
				f("payment_method_id", id),
				f("card", maybe(80, obj(
					f("card_holder_name", maybe(80, text("A LOVELACE", "G HOPPER"))),
					f("card_issuing_country", text(countries...)),
					f("card_network", text("VISA", "MASTERCARD")),
					f("card_type", text("credit", "debit")),
					f("expiry_month", text("01", "06", "12")),
					f("expiry_year", text("2027", "2029")),
					f("last4_digits", text("4242", "1881")),
				))),
				f("last_used_at", maybe(80, updated)),
				f("payment_method_type", maybe(80, text("credit", "debit"))),
				f("recurring_enabled", maybe(80, flag(60))),
				hidden("customer_id", parent),
			},
		},
		{
			name: "blocklist", prefix: "blk_", id: "id", count: 10,
			from: "created_at_gte", to: "created_at_lte",
			filters: by("blocked_by_email", "identifier"),
			fields: []field{
				f("id", id),
				f("created_at", created),
				f("customer_email", gen(func(b []byte, r *row) []byte {
					c := r.w.customers.rowAt(r.customerIndex())
					return quotedEmail.append(b, &c)
				})),
				f("customer_id", customerID),
				f("customer_name", ref2name),
				f("identifier", gen(func(b []byte, r *row) []byte {
					c := r.w.customers.rowAt(r.customerIndex())
					return quotedEmail.append(b, &c)
				})),
				f("source", one("blocklist_page", "customer_page", "payment_page", "dispute_page", "api")),
				f("blocked_by_email", maybe(90, text("owner@example.com", "support@example.com"))),
				f("cancelled_subscription_ids", maybe(30, array(0, 2, anyOf("subscriptions")))),
				f("notes", maybe(20, raw(`[{"id":"note_1","created_at":"2026-01-05T10:00:00Z","note":"Chargebacks","author_email":"owner@example.com","updated_at":null}]`))),
				f("reason", maybe(70, text("fraud", "abuse"))),
				f("remaining_subscription_ids", maybe(30, empty)),
				f("subscriptions_swept", maybe(60, flag(50))),
				f("unblocked_at", maybe(30, updated)),
			},
		},
	}
}
