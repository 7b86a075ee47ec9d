// Package dodo is a sandbox of the Dodo Payments API: an http.Handler that
// answers like the vendor, from made-up data, in this process.
//
//	s, err := dodo.New(dodo.Options{Counts: dodo.Scaled(20_000)})
//	api := httptest.NewServer(s)
//	// GET api.URL+"/payments?page_number=0&page_size=100"
//	// Authorization: Bearer sandbox_test_key
//
// # Data
//
// Every object follows from the seed, its entity and its index, so ten million
// payments take no memory and no time to set up. Creation times spread over two
// years up to Options.Epoch, denser towards the end, some neighbours at the
// same instant. Relations hold: a refund's payment exists, has succeeded, and
// shows the refund; a renewal's payment has the customer of its subscription.
// The customer inside a payment is as it was at the time: renaming a customer
// does not change payments.
//
// # Change
//
// Server.Create, Update, Delete and Touch change the data while clients read
// it; Options.Churn and Options.OnRequest do so between the pages of a scan.
// New objects are created now by the sandbox clock. Changes cause the vendor's
// webhook events; register a receiver with Server.AddEndpoint and deliver with
// Server.FlushWebhooks, or Server.RunWebhooks. A body is rendered when it is
// sent, so a late retry carries newer data under an older timestamp.
// Server.Truth yields what a perfect mirror must hold now.
//
// # Trouble
//
// Server.Inject makes requests fail (see sandbox.Fault), Options.RateLimit
// turns on the vendor's limits, Options.Dirty spoils the data, sandbox.Chaos
// the webhooks. Server.Counters tells what was asked.
//
// # From another process
//
// The paths under /_sandbox/ drive a running sandbox without a key, and are not
// counted:
//
//	GET    counters                        DELETE counters
//	GET    faults    POST faults {"path":"/payments","nth":3,"kind":"status","status":429,"retry_after":"5s"}
//	DELETE faults
//	GET    clock     POST clock {"set":"2026-11-02T00:00:00Z","advance":"1h","rate":0}
//	GET    settings  POST settings {"rate_limit":{"per_second":40,"per_minute":240},"churn":{"create":1}}
//	POST   touch?n=10&entity=payments
//	POST   create {"entity":"payments","n":5,"fields":{"status":"succeeded"}}
//	POST   update {"entity":"customers","id":"cus_...","fields":{"name":"New"}}
//	POST   delete {"entity":"payments","id":"pay_..."}, or {"entity":"payments","n":3} for the newest
//	GET    truth?entity=payments           one row to a line
//	GET    count?entity=payments
//	POST   endpoints {"url":"http://...","secret":"whsec_..."}
//	POST   emit {"type":"payment.succeeded","entity":"payments","id":"pay_..."}
//	POST   flush                           GET deliveries
//
// # Code
//
// An entity is a table of fields (entity_*.go) whose values are small
// generators (value.go). A collection (collection.go) holds the overlay of
// changes over the generated objects, query.go pages through it, list.go and
// routes.go put it on HTTP.
package dodo
