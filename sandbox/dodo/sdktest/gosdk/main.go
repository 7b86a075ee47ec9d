// Command gosdk reads everything a Dodo Payments API has through the vendor's
// Go library. It reads an input from stdin and writes a report to stdout, both
// declared in report_test.go of the directory above. The library decodes
// leniently, so the report also lists what did not fit its types.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"

	dodo "github.com/dodopayments/dodopayments-go"
	"github.com/dodopayments/dodopayments-go/option"
)

type input struct {
	BaseURL    string `json:"base_url"`
	Key        string `json:"key"`
	PageSize   int64  `json:"page_size"`
	WebhookKey string `json:"webhook_key"`
	CheckoutID string `json:"checkout_id"`
	Webhooks   []struct {
		Headers map[string]string `json:"headers"`
		Body    string            `json:"body"`
	} `json:"webhooks"`
}

// reader reads with one client into one report.
type reader struct {
	in     input
	client *dodo.Client
	ctx    context.Context
	report report
}

func main() {
	log.SetFlags(0)
	r := &reader{ctx: context.Background(), report: newReport()}
	if err := json.NewDecoder(os.Stdin).Decode(&r.in); err != nil {
		log.Fatal("input: ", err)
	}
	r.client = dodo.NewClient(
		option.WithBaseURL(r.in.BaseURL), option.WithBearerToken(r.in.Key),
		option.WithWebhookKey(r.in.WebhookKey), option.WithMaxRetries(0))
	r.webhooks()
	r.topLevel()
	r.hideable()
	r.perOwner()
	r.details()
	size := dodo.F(r.in.PageSize)
	pages(&r.report, withoutPageNumber, r.client.Payments.ListAutoPaging(r.ctx, dodo.PaymentListParams{PageSize: size}))
	if err := json.NewEncoder(os.Stdout).Encode(r.report.finish()); err != nil {
		log.Fatal(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func (r *reader) webhooks() {
	for _, hook := range r.in.Webhooks {
		header := http.Header{}
		for k, v := range hook.Headers {
			header.Set(k, v)
		}
		event := must(r.client.Webhooks.Unwrap([]byte(hook.Body), header))
		r.report.event(event)
		if _, err := r.client.Webhooks.Unwrap([]byte(hook.Body+" "), header); err == nil {
			r.report.problem("webhook %s: accepted with a changed body", hook.Headers["webhook-id"])
		}
	}
}

// topLevel reads the lists of the whole business. Without an explicit page
// number the library takes the first page for number 1 and never asks for that
// one.
func (r *reader) topLevel() {
	c, ctx, out := r.client, r.ctx, &r.report
	page, size := dodo.F(int64(0)), dodo.F(r.in.PageSize)
	pages(out, "payments", c.Payments.ListAutoPaging(ctx, dodo.PaymentListParams{PageNumber: page, PageSize: size}))
	pages(out, "subscriptions", c.Subscriptions.ListAutoPaging(ctx, dodo.SubscriptionListParams{PageNumber: page, PageSize: size}))
	pages(out, "customers", c.Customers.ListAutoPaging(ctx, dodo.CustomerListParams{PageNumber: page, PageSize: size}))
	pages(out, "license_keys", c.LicenseKeys.ListAutoPaging(ctx, dodo.LicenseKeyListParams{PageNumber: page, PageSize: size}))
	pages(out, "license_key_instances",
		c.LicenseKeyInstances.ListAutoPaging(ctx, dodo.LicenseKeyInstanceListParams{PageNumber: page, PageSize: size}))
	pages(out, "refunds", c.Refunds.ListAutoPaging(ctx, dodo.RefundListParams{PageNumber: page, PageSize: size}))
	pages(out, "disputes", c.Disputes.ListAutoPaging(ctx, dodo.DisputeListParams{PageNumber: page, PageSize: size}))
	pages(out, "payouts", c.Payouts.ListAutoPaging(ctx, dodo.PayoutListParams{PageNumber: page, PageSize: size}))
	pages(out, "addons", c.Addons.ListAutoPaging(ctx, dodo.AddonListParams{PageNumber: page, PageSize: size}))
	pages(out, "discounts", c.Discounts.ListAutoPaging(ctx, dodo.DiscountListParams{PageNumber: page, PageSize: size}))
	pages(out, "events", c.UsageEvents.ListAutoPaging(ctx, dodo.UsageEventListParams{PageNumber: page, PageSize: size}))
	pages(out, "entitlements", c.Entitlements.ListAutoPaging(ctx, dodo.EntitlementListParams{PageNumber: page, PageSize: size}))
	pages(out, "short_links", c.Products.ShortLinks.ListAutoPaging(ctx, dodo.ProductShortLinkListParams{PageNumber: page, PageSize: size}))
	pages(out, "balance_ledger", c.Balances.GetLedgerAutoPaging(ctx, dodo.BalanceGetLedgerParams{PageNumber: page, PageSize: size}))
	pages(out, "webhooks", c.Webhooks.ListAutoPaging(ctx, dodo.WebhookListParams{Limit: dodo.F(int64(2))}))
}

// hideable reads the lists that hide some rows unless asked for them.
func (r *reader) hideable() {
	c, ctx, out := r.client, r.ctx, &r.report
	page, size := dodo.F(int64(0)), dodo.F(r.in.PageSize)
	whole(out, "brands", must(c.Brands.List(ctx, dodo.BrandListParams{IncludeArchived: dodo.F(true)})))
	for _, hidden := range []bool{false, true} {
		on := dodo.F(hidden)
		pages(out, "products", c.Products.ListAutoPaging(ctx, dodo.ProductListParams{Archived: on, PageNumber: page, PageSize: size}))
		pages(out, "meters", c.Meters.ListAutoPaging(ctx, dodo.MeterListParams{Archived: on, PageNumber: page, PageSize: size}))
		pages(out, "product_collections",
			c.ProductCollections.ListAutoPaging(ctx, dodo.ProductCollectionListParams{Archived: on, PageNumber: page, PageSize: size}))
		pages(out, "credit_entitlements",
			c.CreditEntitlements.ListAutoPaging(ctx, dodo.CreditEntitlementListParams{Deleted: on, PageNumber: page, PageSize: size}))
	}
}

func (r *reader) perOwner() {
	c, ctx, out := r.client, r.ctx, &r.report
	page, size := dodo.F(int64(0)), dodo.F(r.in.PageSize)
	for _, id := range out.values("payments", "payment_id") {
		whole(out, "line_items", must(c.Payments.GetLineItems(ctx, id)))
	}
	for _, id := range out.values("payouts", "payout_id") {
		whole(out, "payout_breakup", must(c.Payouts.Breakup.Get(ctx, id)))
		pages(out, "payout_breakup_details",
			c.Payouts.Breakup.Details.ListAutoPaging(ctx, id, dodo.PayoutBreakupDetailListParams{PageNumber: page, PageSize: size}))
	}
	for _, id := range out.values("products", "product_id") {
		whole(out, "localized_prices", must(c.Products.LocalizedPrices.List(ctx, id)))
	}
	for _, id := range out.values("subscriptions", "subscription_id") {
		pages(out, "usage_history",
			c.Subscriptions.GetUsageHistoryAutoPaging(ctx, id, dodo.SubscriptionGetUsageHistoryParams{PageNumber: page, PageSize: size}))
		whole(out, "credit_usage", must(c.Subscriptions.GetCreditUsage(ctx, id)))
	}
	for _, id := range out.values("entitlements", "id") {
		pages(out, "entitlement_grants@entitlement",
			c.Entitlements.Grants.ListAutoPaging(ctx, id, dodo.EntitlementGrantListParams{PageNumber: page, PageSize: size}))
	}
	for _, id := range out.values("customers", "customer_id") {
		r.perCustomer(id)
	}
	r.credits()
}

func (r *reader) perCustomer(id string) {
	c, ctx, out := r.client.Customers, r.ctx, &r.report
	page, size := dodo.F(int64(0)), dodo.F(r.in.PageSize)
	whole(out, "wallets", must(c.Wallets.List(ctx, id)))
	pages(out, "wallet_ledger",
		c.Wallets.LedgerEntries.ListAutoPaging(ctx, id, dodo.CustomerWalletLedgerEntryListParams{PageNumber: page, PageSize: size}))
	whole(out, "payment_methods", must(c.GetPaymentMethods(ctx, id)))
	whole(out, "customer_entitlements", must(c.ListEntitlements(ctx, id)))
	whole(out, "customer_credits", must(c.ListCreditEntitlements(ctx, id)))
	pages(out, "entitlement_grants@customer",
		c.ListEntitlementGrantsAutoPaging(ctx, id, dodo.CustomerListEntitlementGrantsParams{PageNumber: page, PageSize: size}))
}

func (r *reader) credits() {
	c, ctx, out := r.client.CreditEntitlements.Balances, r.ctx, &r.report
	page, size := dodo.F(int64(0)), dodo.F(r.in.PageSize)
	type owner struct{ entitlement, customer string }
	owners := map[owner]bool{}
	for _, id := range out.values("credit_entitlements", "id") {
		before := len(out.values("credit_balances", "id"))
		pages(out, "credit_balances", c.ListAutoPaging(ctx, id, dodo.CreditEntitlementBalanceListParams{PageNumber: page, PageSize: size}))
		for _, customer := range out.values("credit_balances", "customer_id")[before:] {
			owners[owner{id, customer}] = true
		}
	}
	for o := range owners {
		pages(out, "credit_grants",
			c.ListGrantsAutoPaging(ctx, o.entitlement, o.customer, dodo.CreditEntitlementBalanceListGrantsParams{PageNumber: page, PageSize: size}))
		pages(out, "credit_ledger",
			c.ListLedgerAutoPaging(ctx, o.entitlement, o.customer, dodo.CreditEntitlementBalanceListLedgerParams{PageNumber: page, PageSize: size}))
	}
}

func (r *reader) details() {
	c, ctx, out := r.client, r.ctx, &r.report
	first := func(list, field string) string { return out.values(list, field)[0] }
	out.detail("payments", must(c.Payments.Get(ctx, first("payments", "payment_id"))))
	out.detail("subscriptions", must(c.Subscriptions.Get(ctx, first("subscriptions", "subscription_id"))))
	out.detail("customers", must(c.Customers.Get(ctx, first("customers", "customer_id"))))
	out.detail("license_keys", must(c.LicenseKeys.Get(ctx, first("license_keys", "id"))))
	out.detail("license_key_instances", must(c.LicenseKeyInstances.Get(ctx, first("license_key_instances", "id"))))
	out.detail("refunds", must(c.Refunds.Get(ctx, first("refunds", "refund_id"))))
	out.detail("disputes", must(c.Disputes.Get(ctx, first("disputes", "dispute_id"))))
	out.detail("products", must(c.Products.Get(ctx, first("products", "product_id"))))
	out.detail("addons", must(c.Addons.Get(ctx, first("addons", "id"))))
	out.detail("discounts", must(c.Discounts.Get(ctx, first("discounts", "discount_id"))))
	out.detail("discounts@code", must(c.Discounts.GetByCode(ctx, first("discounts", "code"))))
	out.detail("brands", must(c.Brands.Get(ctx, first("brands", "brand_id"))))
	out.detail("meters", must(c.Meters.Get(ctx, first("meters", "id"))))
	out.detail("events", must(c.UsageEvents.Get(ctx, first("events", "event_id"))))
	out.detail("entitlements", must(c.Entitlements.Get(ctx, first("entitlements", "id"))))
	out.detail("credit_entitlements", must(c.CreditEntitlements.Get(ctx, first("credit_entitlements", "id"))))
	out.detail("product_collections", must(c.ProductCollections.Get(ctx, first("product_collections", "id"))))
	out.detail("checkouts", must(c.CheckoutSessions.Get(ctx, r.in.CheckoutID)))
	out.detail("webhooks", must(c.Webhooks.Get(ctx, first("webhooks", "id"))))
	out.detail("localized_prices", must(c.Products.LocalizedPrices.Get(ctx, first("localized_prices", "product_id"), first("localized_prices", "id"))))
	out.detail("credit_balances", must(c.CreditEntitlements.Balances.Get(ctx,
		first("credit_balances", "credit_entitlement_id"), first("credit_balances", "customer_id"))))
}
