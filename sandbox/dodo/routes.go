package dodo

import (
	"fmt"
	"net/http"
)

// listRoute is one list of the API.
type listRoute struct {
	path    string
	of      string            // entity listed
	owner   string            // entity of the path's {id}, which must exist
	where   map[string]string // property of a row by path parameter
	unpaged bool              // the whole list at once
	bare    bool              // an array without the envelope
	limit   bool              // has a parameter limit beside page_size
	capped  bool              // Options.MaxPage applies
}

// lists is every list of the Dodo API reference but /webhooks, which pages by
// cursor.
var lists = []listRoute{
	{path: "/payments", of: "payments", capped: true},
	{path: "/subscriptions", of: "subscriptions"},
	{path: "/customers", of: "customers"},
	{path: "/license_keys", of: "license_keys"},
	{path: "/license_key_instances", of: "license_key_instances"},
	{path: "/refunds", of: "refunds"},
	{path: "/disputes", of: "disputes"},
	{path: "/payouts", of: "payouts"},
	{path: "/products", of: "products"},
	{path: "/addons", of: "addons"},
	{path: "/discounts", of: "discounts"},
	{path: "/brands", of: "brands", unpaged: true},
	{path: "/meters", of: "meters"},
	{path: "/events", of: "events"},
	{path: "/entitlements", of: "entitlements"},
	{path: "/credit-entitlements", of: "credit_entitlements"},
	{path: "/product-collections", of: "product_collections"},
	{path: "/products/short_links", of: "short_links"},
	{path: "/balances/ledger", of: "balance_ledger", limit: true},
	{path: "/blocklist/customers", of: "blocklist"},

	{path: "/payments/{id}/line-items", of: "line_items", owner: "payments", where: map[string]string{"id": "payment_id"}, unpaged: true},
	{path: "/payouts/{id}/breakup", of: "payout_breakup", owner: "payouts", where: map[string]string{"id": "payout_id"}, unpaged: true, bare: true},
	{path: "/payouts/{id}/breakup/details", of: "payout_breakup_details", owner: "payouts", where: map[string]string{"id": "payout_id"}},
	{path: "/products/{id}/localized-prices", of: "localized_prices", owner: "products", where: map[string]string{"id": "product_id"}, unpaged: true},
	{path: "/subscriptions/{id}/usage-history", of: "usage_history", owner: "subscriptions", where: map[string]string{"id": "subscription_id"}},
	{path: "/subscriptions/{id}/credit-usage", of: "credit_usage", owner: "subscriptions", where: map[string]string{"id": "subscription_id"}, unpaged: true},
	{path: "/customers/{id}/wallets", of: "wallets", owner: "customers", where: map[string]string{"id": "customer_id"}, unpaged: true},
	{path: "/customers/{id}/wallets/ledger-entries", of: "wallet_ledger", owner: "customers", where: map[string]string{"id": "customer_id"}},
	{path: "/customers/{id}/emails", of: "emails", owner: "customers", where: map[string]string{"id": "customer_id"}},
	{path: "/customers/{id}/payment-methods", of: "payment_methods", owner: "customers", where: map[string]string{"id": "customer_id"}, unpaged: true},
	{path: "/customers/{id}/entitlements", of: "customer_entitlements", owner: "customers", where: map[string]string{"id": "customer_id"}, unpaged: true},
	{path: "/customers/{id}/entitlement-grants", of: "entitlement_grants", owner: "customers", where: map[string]string{"id": "customer_id"}},
	{path: "/customers/{id}/credit-entitlements", of: "customer_credits", owner: "customers", where: map[string]string{"id": "customer_id"}, unpaged: true},
	{path: "/entitlements/{id}/grants", of: "entitlement_grants", owner: "entitlements", where: map[string]string{"id": "entitlement_id"}},
	{path: "/credit-entitlements/{id}/balances", of: "credit_balances", owner: "credit_entitlements", where: map[string]string{"id": "credit_entitlement_id"}},
	{
		path: "/credit-entitlements/{id}/balances/{customer_id}/grants", of: "credit_grants", owner: "credit_entitlements",
		where: map[string]string{"id": "credit_entitlement_id", "customer_id": "customer_id"},
	},
	{
		path: "/credit-entitlements/{id}/balances/{customer_id}/ledger", of: "credit_ledger", owner: "credit_entitlements",
		where: map[string]string{"id": "credit_entitlement_id", "customer_id": "customer_id"},
	},
}

// singles is every get-by-id of the API by entity.
var singles = map[string]string{
	"/payments/{id}":              "payments",
	"/subscriptions/{id}":         "subscriptions",
	"/customers/{id}":             "customers",
	"/license_keys/{id}":          "license_keys",
	"/license_key_instances/{id}": "license_key_instances",
	"/refunds/{id}":               "refunds",
	"/disputes/{id}":              "disputes",
	"/products/{id}":              "products",
	"/addons/{id}":                "addons",
	"/discounts/{id}":             "discounts",
	"/brands/{id}":                "brands",
	"/meters/{id}":                "meters",
	"/events/{id}":                "events",
	"/entitlements/{id}":          "entitlements",
	"/credit-entitlements/{id}":   "credit_entitlements",
	"/product-collections/{id}":   "product_collections",
	"/checkouts/{id}":             "checkouts",
	"/blocklist/customers/{id}":   "blocklist",
}

func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for i := range lists {
		l := &lists[i]
		mux.HandleFunc("GET "+l.path, func(w http.ResponseWriter, r *http.Request) { s.list(w, r, l) })
	}
	for path, name := range singles {
		c := s.world.byName[name]
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { s.single(w, c, r.PathValue("id")) })
	}
	mux.HandleFunc("GET /discounts/code/{code}", s.discountByCode)
	mux.HandleFunc("GET /credit-entitlements/{id}/balances/{customer_id}", s.creditBalance)
	mux.HandleFunc("GET /products/{id}/localized-prices/{price_id}", s.localizedPrice)
	mux.HandleFunc("GET /payouts/{id}/breakup/details/csv", s.breakupCSV)
	for kind, name := range map[string]string{"payments": "payments", "refunds": "refunds", "payouts": "payouts"} {
		c := s.world.byName[name]
		mux.HandleFunc("GET /invoices/"+kind+"/{id}", func(w http.ResponseWriter, r *http.Request) { s.invoice(w, c, r.PathValue("id")) })
	}
	s.endpointRoutes(mux)
	s.writeRoutes(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			(&apiError{http.StatusBadRequest, "UNSUPPORTED_ACTION", "the sandbox does not offer " + r.Method + " " + r.URL.Path}).write(w)
			return
		}
		notFound(r.URL.Path).write(w)
	})
	return mux
}

// single answers with one object in the detail shape.
func (s *Server) single(w http.ResponseWriter, c *collection, id string) {
	body, ok := s.render(c, id, c.details)
	if !ok {
		notFound(c.name + " " + id).write(w)
		return
	}
	writeBody(w, http.StatusOK, "application/json", body)
}

// render renders one object with the given fields.
func (s *Server) render(c *collection, id string, fields []compiledField) ([]byte, bool) {
	i, ok := c.indexOf(id)
	if !ok {
		return nil, false
	}
	it, ok := c.find(i)
	if !ok {
		return nil, false
	}
	r := c.rowOf(it)
	r.nonce = s.nonce.Add(1)
	return r.append(nil, fields), true
}

func (s *Server) discountByCode(w http.ResponseWriter, r *http.Request) {
	c := s.world.byName["discounts"]
	q := c.all()
	q.where("code", c.props["code"], equal, r.PathValue("code"))
	s.first(w, c, q, "discount "+r.PathValue("code"))
}

func (s *Server) creditBalance(w http.ResponseWriter, r *http.Request) {
	c := s.world.byName["credit_balances"]
	q := c.all()
	q.where("credit_entitlement_id", c.props["credit_entitlement_id"], equal, r.PathValue("id"))
	q.where("customer_id", c.props["customer_id"], equal, r.PathValue("customer_id"))
	s.first(w, c, q, "balance of "+r.PathValue("customer_id"))
}

func (s *Server) localizedPrice(w http.ResponseWriter, r *http.Request) {
	c := s.world.byName["localized_prices"]
	q := c.all()
	q.where("product_id", c.props["product_id"], equal, r.PathValue("id"))
	q.where("id", c.props["id"], equal, r.PathValue("price_id"))
	s.first(w, c, q, "localized price "+r.PathValue("price_id"))
}

func (s *Server) first(w http.ResponseWriter, c *collection, q *query, what string) {
	found := c.page(q, 0, 1)
	if len(found) == 0 {
		notFound(what).write(w)
		return
	}
	r := c.rowOf(found[0])
	writeBody(w, http.StatusOK, "application/json", r.append(nil, c.details))
}

// breakupCSV is a payout's breakup as the vendor's download has it.
func (s *Server) breakupCSV(w http.ResponseWriter, r *http.Request) {
	payouts := s.world.byName["payouts"]
	i, ok := payouts.indexOf(r.PathValue("id"))
	if _, found := payouts.find(i); !ok || !found {
		notFound("payout " + r.PathValue("id")).write(w)
		return
	}
	c := s.world.byName["payout_breakup_details"]
	out := []byte("id,event_type,original_amount,original_currency\n")
	for _, it := range c.childrenOf(i) {
		row := c.rowOf(it)
		for k, name := range []string{"id", "event_type", "original_amount", "original_currency"} {
			if k > 0 {
				out = append(out, ',')
			}
			out = row.appendProp(out, c.props[name])
		}
		out = append(out, '\n')
	}
	writeBody(w, http.StatusOK, "text/csv", out)
}

// invoice is a document, not JSON.
func (s *Server) invoice(w http.ResponseWriter, c *collection, id string) {
	i, ok := c.indexOf(id)
	if _, found := c.find(i); !ok || !found {
		notFound("invoice " + id).write(w)
		return
	}
	writeBody(w, http.StatusOK, "application/pdf", fmt.Appendf(nil, "%%PDF-1.4\n%% invoice of %s\n%%%%EOF\n", id))
}
