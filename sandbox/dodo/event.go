package dodo

import (
	"fmt"
	"strings"
	"time"
)

// Event is a webhook event: that something happened to one object. Its body is
// rendered when it is sent, so it carries the object's state of that time.
type Event struct {
	ID       string    // webhook-id, "msg_" and a number
	Type     string    // e.g. "payment.succeeded"
	Entity   string    // as in Entities
	ObjectID string    // id of the object
	At       time.Time // when it happened, by the sandbox clock

	server *Server
}

// Body renders the event with the object's current state. An object deleted in
// the meantime leaves an empty data.
func (e Event) Body() []byte {
	c := e.server.world.byName[e.Entity]
	b := append([]byte(`{"business_id":"`), e.server.world.business...)
	b = append(b, `","type":"`...)
	b = append(b, e.Type...)
	b = append(b, `","timestamp":`...)
	b = appendTime(b, e.At.UnixMicro())
	b = append(b, `,"data":{"payload_type":"`...)
	b = append(b, c.payload...)
	b = append(b, '"')
	data, ok := e.server.render(c, e.ObjectID, c.events)
	if ok && len(data) > 2 {
		b = append(b, ',')
		b = append(b, data[1:len(data)-1]...)
	}
	return append(b, "}}"...)
}

// eventCause is what happened to the object.
type eventCause uint8

const (
	eventCreated eventCause = iota
	eventUpdated
)

// statusEvents names the property whose new value is announced, the prefix of
// the event, and the values whose event has another name. A value mapped to ""
// is not announced.
var statusEvents = map[string]struct {
	prop, prefix string
	names        map[string]string
}{
	"payments": {"status", "payment.", silent(
		"requires_customer_action", "requires_merchant_action", "requires_payment_method", "requires_confirmation",
		"requires_capture", "partially_captured", "partially_captured_and_capturable")},
	"refunds":       {"status", "refund.", silent("pending", "review")},
	"subscriptions": {"status", "subscription.", silent("pending")},
	"payouts":       {"status", "payout.", map[string]string{"not_initiated": "payout.created"}},
	"disputes": {"dispute_status", "dispute.", map[string]string{
		"dispute_opened": "dispute.opened", "dispute_expired": "dispute.expired", "dispute_accepted": "dispute.accepted",
		"dispute_cancelled": "dispute.cancelled", "dispute_challenged": "dispute.challenged", "dispute_won": "dispute.won",
		"dispute_lost": "dispute.lost",
	}},
	"entitlement_grants": {"status", "entitlement_grant.", map[string]string{
		"Pending": "entitlement_grant.created", "Delivered": "entitlement_grant.delivered",
		"Failed": "entitlement_grant.failed", "Revoked": "entitlement_grant.revoked",
	}},
	"credit_ledger": {"transaction_type", "credit.", map[string]string{
		"credit_added": "credit.added", "credit_deducted": "credit.deducted", "credit_expired": "credit.expired",
		"credit_rolled_over": "credit.rolled_over", "rollover_forfeited": "credit.rollover_forfeited",
		"overage_charged": "credit.overage_charged", "overage_reset": "credit.overage_reset",
		"manual_adjustment": "credit.manual_adjustment", "auto_top_up": "credit.added", "refund": "credit.added",
	}},
	"abandoned_checkouts": {"status", "abandoned_checkout.", map[string]string{
		"abandoned": "abandoned_checkout.detected", "recovered": "abandoned_checkout.recovered",
		"recovering": "", "exhausted": "", "opted_out": "",
	}},
	"dunning_attempts": {"status", "dunning.", map[string]string{
		"recovering": "dunning.started", "recovered": "dunning.recovered", "exhausted": "",
	}},
}

func silent(statuses ...string) map[string]string {
	m := map[string]string{}
	for _, s := range statuses {
		m[s] = ""
	}
	return m
}

// eventsOf returns the events of a change. Creation announces the object's
// status, a change announces a new status only.
func (s *Server) eventsOf(c *collection, i int64, cause eventCause, changed map[string]string) []Event {
	var types []string
	if cause == eventCreated {
		switch c.name {
		case "license_keys":
			types = append(types, "license_key.created")
		case "credit_alerts":
			types = append(types, "credit.balance_low")
		}
	}
	if rule, ok := statusEvents[c.name]; ok {
		status := changed[rule.prop]
		if cause == eventCreated {
			status = s.prop(c, i, rule.prop)
		}
		status = strings.Trim(status, `"`)
		name, renamed := rule.names[status]
		if !renamed && status != "" && status != "null" {
			name = rule.prefix + status
		}
		if name != "" {
			types = append(types, name)
		}
	}
	if c.name == "subscriptions" && cause == eventUpdated {
		types = append(types, "subscription.updated")
	}
	events := make([]Event, len(types))
	for k, t := range types {
		events[k] = s.newEvent(t, c, c.idOf(i))
	}
	return events
}

func (s *Server) newEvent(eventType string, c *collection, id string) Event {
	s.mu.Lock()
	s.messages++
	number := s.messages
	s.mu.Unlock()
	return Event{
		ID:   fmt.Sprintf("msg_%012x%08x", mix(number^c.w.opts.Seed)&(1<<48-1), number),
		Type: eventType, Entity: c.name, ObjectID: id, At: s.clock.Now(), server: s,
	}
}

// Emit sends an event of any type about an existing object, whether or not
// anything happened to it. An unknown type is sent as it is.
func (s *Server) Emit(eventType, entity, id string) (Event, error) {
	c, i, err := s.lookup(entity, id)
	if err != nil {
		return Event{}, err
	}
	if _, ok := c.find(i); !ok {
		return Event{}, fmt.Errorf("%s %s: %w", entity, id, ErrNotFound)
	}
	e := s.newEvent(eventType, c, id)
	s.publish([]Event{e})
	return e, nil
}

// publish hands events to the endpoints and to Options.OnEvent, and returns
// them.
func (s *Server) publish(events []Event) []Event {
	if len(events) == 0 {
		return nil
	}
	o := s.options()
	for _, e := range events {
		for _, ep := range s.endpointList() {
			ep.offer(e)
		}
		if o.OnEvent != nil {
			o.OnEvent(e)
		}
	}
	return events
}
