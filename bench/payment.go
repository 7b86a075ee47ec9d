package main

import (
	"fmt"
	"time"

	"github.com/go-faster/jx"
)

// payment is a row of the payments list, decoded. Texts point into the page
// they were read from; a nil text is null.
type payment struct {
	id, brandID, currency, provider, status                    []byte
	cardLastFour, cardNetwork, disputeStatus, invoiceID        []byte
	invoiceURL, method, methodType, refundStatus, subscription []byte
	customer, metadata, subscriptionIDs                        []byte // JSON as received
	createdAt                                                  time.Time
	totalAmount                                                int64
	delivered, licenceKey, multi                               bool
}

// pageDecoder reads pages of payments. It is the fastest of what Go offers for
// typed structs (see BenchmarkLimitDecode): jx, with texts left in the page.
type pageDecoder struct {
	d    jx.Decoder
	rows []payment
}

// decode returns the rows of a page, valid until the next call and as long as
// the page is not changed.
func (p *pageDecoder) decode(page []byte) ([]payment, error) {
	p.rows = p.rows[:0]
	p.d.ResetBytes(page)
	err := p.d.ObjBytes(func(d *jx.Decoder, key []byte) error {
		if string(key) != "items" {
			return d.Skip()
		}
		return d.Arr(func(d *jx.Decoder) error {
			p.rows = append(p.rows, payment{})
			return p.rows[len(p.rows)-1].decode(d)
		})
	})
	return p.rows, err
}

func (p *payment) decode(d *jx.Decoder) error {
	err := d.ObjBytes(func(d *jx.Decoder, key []byte) (err error) {
		switch string(key) {
		case "payment_id":
			p.id, err = d.StrBytes()
		case "brand_id":
			p.brandID, err = d.StrBytes()
		case "created_at":
			p.createdAt, err = instant(d)
		case "currency":
			p.currency, err = d.StrBytes()
		case "customer":
			p.customer, err = d.Raw()
		case "digital_products_delivered":
			p.delivered, err = d.Bool()
		case "has_license_key":
			p.licenceKey, err = d.Bool()
		case "is_multi_subscription":
			p.multi, err = d.Bool()
		case "metadata":
			p.metadata, err = d.Raw()
		case "payment_provider":
			p.provider, err = d.StrBytes()
		case "subscription_ids":
			p.subscriptionIDs, err = d.Raw()
		case "total_amount":
			p.totalAmount, err = d.Int64()
		default:
			return p.decodeOptional(d, key)
		}
		return err
	})
	if err == nil && len(p.id) == 0 {
		err = fmt.Errorf("payment without id")
	}
	return err
}

// decodeOptional reads the members that may be null, all of them texts.
func (p *payment) decodeOptional(d *jx.Decoder, key []byte) error {
	var to *[]byte
	switch string(key) {
	case "card_last_four":
		to = &p.cardLastFour
	case "card_network":
		to = &p.cardNetwork
	case "dispute_status":
		to = &p.disputeStatus
	case "invoice_id":
		to = &p.invoiceID
	case "invoice_url":
		to = &p.invoiceURL
	case "payment_method":
		to = &p.method
	case "payment_method_type":
		to = &p.methodType
	case "refund_status":
		to = &p.refundStatus
	case "status":
		to = &p.status
	case "subscription_id":
		to = &p.subscription
	default:
		return d.Skip()
	}
	if d.Next() == jx.Null {
		return d.Null()
	}
	var err error
	*to, err = d.StrBytes()
	return err
}

func instant(d *jx.Decoder) (time.Time, error) {
	s, err := d.StrBytes()
	if err != nil {
		return time.Time{}, err
	}
	var t time.Time
	return t, t.UnmarshalText(s)
}

// texts are the text columns in the order of the tables the limit programs
// fill, the key first.
func (p *payment) texts() [14][]byte {
	return [14][]byte{p.id, p.brandID, p.currency, p.provider, p.status, p.cardLastFour, p.cardNetwork, p.disputeStatus,
		p.invoiceID, p.invoiceURL, p.method, p.methodType, p.refundStatus, p.subscription}
}

// textColumns are the names of [payment.texts].
var textColumns = []string{"payment_id", "brand_id", "currency", "payment_provider", "status", "card_last_four", "card_network",
	"dispute_status", "invoice_id", "invoice_url", "payment_method", "payment_method_type", "refund_status", "subscription_id"}

// jsonColumns, then created_at, total_amount and flagColumns follow them.
var (
	jsonColumns = []string{"customer", "metadata", "subscription_ids"}
	flagColumns = []string{"digital_products_delivered", "has_license_key", "is_multi_subscription"}
)
