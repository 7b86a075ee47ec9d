package dodo

import (
	"encoding/json"
	"time"
)

// toucher makes one realistic change to an object.
type toucher func(s *Server, c *collection, it item) ([]Event, error)

// touchers is what Touch picks from; what stands here more often happens more
// often.
var touchers = []struct {
	entity string
	weight int
	touch  toucher
}{
	{"payments", 8, touchPayment},
	{"subscriptions", 6, touchSubscription},
	{"customers", 5, touchCustomer},
	{"refunds", 2, touchRefund},
	{"disputes", 2, touchDispute},
	{"license_keys", 2, touchLicence},
	{"payouts", 1, touchPayout},
	{"entitlement_grants", 1, touchGrant},
	{"products", 1, touchProduct},
}

// Touch makes n changes to random objects: payments settle, refunds are made
// and succeed, disputes move, subscriptions renew, lapse and are cancelled,
// customers are renamed, licence keys are disabled. It returns the webhook
// events they cause; many changes cause none.
func (s *Server) Touch(n int) []Event {
	total := 0
	for _, t := range touchers {
		total += t.weight
	}
	var events []Event
	for range n {
		k := s.intn(int64(total))
		for _, t := range touchers {
			if k -= int64(t.weight); k < 0 {
				events = append(events, s.touchOne(s.world.byName[t.entity], t.touch)...)
				break
			}
		}
	}
	return events
}

// TouchEntity makes n changes to random objects of one entity.
func (s *Server) TouchEntity(entity string, n int) ([]Event, error) {
	c, err := s.collection(entity)
	if err != nil {
		return nil, err
	}
	touch := touchMetadata
	for _, t := range touchers {
		if t.entity == entity {
			touch = t.touch
		}
	}
	var events []Event
	for range n {
		events = append(events, s.touchOne(c, touch)...)
	}
	return events, nil
}

func (s *Server) touchOne(c *collection, touch toucher) []Event {
	it, ok := s.randomItem(c)
	if !ok {
		return nil
	}
	events, err := touch(s, c, it)
	if err != nil {
		return nil // the object was deleted meanwhile
	}
	return events
}

// churn changes the collection a client is reading.
func (s *Server) churn(c *collection, ch Churn) {
	for range ch.Create {
		s.Create(c.name, nil) //nolint:errcheck // no fields, no error
	}
	s.TouchEntity(c.name, ch.Touch) //nolint:errcheck // the entity exists
	for range ch.Delete {
		if it, ok := s.randomItem(c); ok {
			c.remove(it.i) //nolint:errcheck // another request may have removed it
		}
	}
}

// randomItem picks an object, half of the time among the newest fiftieth.
func (s *Server) randomItem(c *collection) (item, bool) {
	c.mu.RLock()
	made := c.next - createdBase
	c.mu.RUnlock()
	n := c.n + made
	if n == 0 {
		return item{}, false
	}
	for range 64 {
		k := s.intn(n)
		if recent := n / 50; recent > 0 && s.intn(2) == 0 {
			k = n - 1 - s.intn(recent)
		}
		if k >= c.n {
			k += createdBase - c.n
		}
		if it, ok := c.find(k); ok {
			return it, true
		}
	}
	return item{}, false
}

func (s *Server) intn(n int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.random.Int64N(n)
}

// either picks one of some fields.
func (s *Server) either(choices ...Fields) Fields { return choices[s.intn(int64(len(choices)))] }

func touchPayment(s *Server, c *collection, it item) ([]Event, error) {
	switch s.prop(c, it.i, "status") {
	case `"succeeded"`:
		if s.prop(c, it.i, "refund_status") != "null" {
			return s.update(c, it.i, Fields{"digital_products_delivered": s.prop(c, it.i, "digital_products_delivered") != "true"})
		}
		partial := s.intn(3) == 0
		_, events, err := s.Create("refunds", Fields{
			"payment_id": c.idOf(it.i), "is_partial": partial, "status": "succeeded",
			"amount": json.RawMessage(s.prop(c, it.i, "total_amount")), "currency": json.RawMessage(s.prop(c, it.i, "currency")),
		})
		return events, err
	case `"failed"`, `"cancelled"`:
		return touchMetadata(s, c, it)
	}
	return s.update(c, it.i, s.either(Fields{"status": "succeeded"}, Fields{"status": "succeeded"}, Fields{"status": "failed"}))
}

func touchSubscription(s *Server, c *collection, it item) ([]Event, error) {
	now := s.clock.Now()
	switch s.prop(c, it.i, "status") {
	case `"active"`:
		if s.intn(2) == 0 {
			return s.renew(c, it.i)
		}
		return s.update(c, it.i, s.either(
			Fields{"status": "cancelled", "cancelled_at": now},
			Fields{"status": "on_hold"}, Fields{"status": "past_due"},
			Fields{"status": "paused", "paused_at": now},
			Fields{"cancel_at_next_billing_date": s.prop(c, it.i, "cancel_at_next_billing_date") != "true"}))
	case `"cancelled"`, `"expired"`, `"failed"`:
		return touchMetadata(s, c, it)
	}
	return s.update(c, it.i, Fields{"status": "active", "paused_at": nil})
}

// renew moves a subscription to its next period and makes the payment for it.
func (s *Server) renew(c *collection, i int64) ([]Event, error) {
	var due time.Time
	if err := json.Unmarshal([]byte(s.prop(c, i, "next_billing_date")), &due); err != nil {
		return nil, err
	}
	events, err := s.update(c, i, Fields{"previous_billing_date": due, "next_billing_date": due.Add(time.Duration(month) * time.Microsecond)})
	if err != nil {
		return nil, err
	}
	events = append(events, s.publish([]Event{s.newEvent("subscription.renewed", c, c.idOf(i))})...)
	_, paid, err := s.Create("payments", Fields{
		"status": "succeeded", "subscription_id": c.idOf(i), "subscription_ids": []string{c.idOf(i)}, "is_multi_subscription": false,
		"customer_id": json.RawMessage(s.prop(c, i, "customer_id")), "product_id": json.RawMessage(s.prop(c, i, "product_id")),
		"total_amount": json.RawMessage(s.prop(c, i, "recurring_pre_tax_amount")), "currency": json.RawMessage(s.prop(c, i, "currency")),
	})
	return append(events, paid...), err
}

func touchCustomer(s *Server, c *collection, it item) ([]Event, error) {
	name := firstNames[s.intn(int64(len(firstNames)))] + " " + lastNames[s.intn(int64(len(lastNames)))]
	return s.update(c, it.i, s.either(
		Fields{"name": name}, Fields{"name": name + " Jr."},
		Fields{"phone_number": "+4930123456"}, Fields{"metadata": map[string]any{"touched": s.intn(1 << 30)}}))
}

func touchRefund(s *Server, c *collection, it item) ([]Event, error) {
	switch s.prop(c, it.i, "status") {
	case `"pending"`, `"review"`:
		return s.update(c, it.i, s.either(Fields{"status": "succeeded"}, Fields{"status": "failed"}))
	}
	return s.update(c, it.i, s.either(Fields{"reason": "requested_by_customer"}, Fields{"reason": "duplicate"}, Fields{"reason": "late"}))
}

func touchDispute(s *Server, c *collection, it item) ([]Event, error) {
	switch s.prop(c, it.i, "dispute_status") {
	case `"dispute_opened"`:
		return s.update(c, it.i, s.either(Fields{"dispute_status": "dispute_challenged"}, Fields{"dispute_status": "dispute_accepted"}, Fields{"dispute_status": "dispute_expired"}))
	case `"dispute_challenged"`:
		return s.update(c, it.i, s.either(Fields{"dispute_status": "dispute_won"}, Fields{"dispute_status": "dispute_lost"}))
	}
	return s.update(c, it.i, Fields{"dispute_status": "dispute_opened", "dispute_stage": "pre_arbitration"})
}

func touchLicence(s *Server, c *collection, it item) ([]Event, error) {
	if s.prop(c, it.i, "status") == `"active"` {
		return s.update(c, it.i, s.either(Fields{"status": "disabled"}, Fields{"instances_count": s.intn(100)}, Fields{"activations_limit": s.intn(100)}))
	}
	return s.update(c, it.i, Fields{"status": "active", "expires_at": nil})
}

func touchPayout(s *Server, c *collection, it item) ([]Event, error) {
	switch s.prop(c, it.i, "status") {
	case `"not_initiated"`, `"on_hold"`:
		return s.update(c, it.i, Fields{"status": "in_progress"})
	case `"success"`:
		return s.update(c, it.i, Fields{"status": "failed", "remarks": "Returned by the bank"})
	}
	return s.update(c, it.i, Fields{"status": "success"})
}

func touchGrant(s *Server, c *collection, it item) ([]Event, error) {
	now := s.clock.Now()
	switch s.prop(c, it.i, "status") {
	case `"Pending"`:
		return s.update(c, it.i, s.either(Fields{"status": "Delivered", "delivered_at": now}, Fields{"status": "Failed", "error_code": "GUILD_FULL"}))
	case `"Delivered"`:
		return s.update(c, it.i, Fields{"status": "Revoked", "revoked_at": now, "revocation_reason": "manual"})
	}
	return touchMetadata(s, c, it)
}

func touchProduct(s *Server, c *collection, it item) ([]Event, error) {
	archived := s.prop(c, it.i, "archived") == "true"
	return s.update(c, it.i, s.either(Fields{"name": "Renamed plan"}, Fields{"archived": !archived}, Fields{"description": "Now with more."}))
}

// touchMetadata is the change that any object can take; entities without
// metadata get another updated_at, or stay as they are.
func touchMetadata(s *Server, c *collection, it item) ([]Event, error) {
	if c.props["metadata"] != nil {
		return s.update(c, it.i, Fields{"metadata": map[string]any{"touched": s.intn(1 << 30)}})
	}
	return s.update(c, it.i, nil)
}
