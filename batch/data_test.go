package batch

import (
	"bytes"
	"fmt"
	"strings"
)

// payment returns a payment of 22 fields and about 590 bytes, as a payment
// processor's list answers it. They differ by n.
func payment(n int) string {
	refunded, currency := "null", "USD"
	if n%3 == 0 {
		refunded, currency = `"partial"`, "EUR"
	}
	return fmt.Sprintf(`{"payment_id":"pay_%08dAbCd","business_id":"b_9","brand_id":"brd_1","created_at":"2026-03-%02dT%02d:%02d:%02d.%06dZ",`+
		`"updated_at":"2026-04-01T10:20:30Z","currency":"%s","total_amount":%d,"tax":%d,"status":"succeeded","payment_method":"card",`+
		`"payment_method_type":"cr","customer":{"customer_id":"c_%d","name":"Zoë M","email":"z%d@ex.co"},`+
		`"subscription_id":null,"digital_delivered":false,"metadata":{"order":"A-%d"},"error_code":null,"error_message":null,"refund_status":%s,`+
		`"settlement_amount":%d,"settlement_currency":"USD","invoice_id":"i_%d","card_last_four":"4242"}`,
		n, n%28+1, n%24, n%60, n%59, n%1000000, currency, 1000+n, n%100, n%5000, n, n, refunded, 990+n, n)
}

func paymentPage(rows int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"items":[`)
	for i := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(payment(i))
	}
	b.WriteString(`],"next":"abc","total":5}`)
	return b.Bytes()
}

func paymentSpec() Spec {
	return Spec{
		Records: []string{"items"}, Key: []string{"payment_id"}, Cursor: "updated_at",
		Exclude: []string{"customer.phone", "files.url"}, Salt: []byte("r1"),
	}
}

func paymentSchema() *Schema {
	field := func(name string, t Type) Field { return Field{Name: name, Type: t, Declared: true} }
	s := &Schema{Fields: []Field{{Name: "payment_id", Type: String, Key: true, Declared: true}}}
	for _, name := range strings.Fields("business_id brand_id currency status payment_method payment_method_type subscription_id error_code error_message refund_status settlement_currency invoice_id card_last_four") {
		s.Fields = append(s.Fields, field(name, String))
	}
	return &Schema{Fields: append(s.Fields,
		field("created_at", Time), field("updated_at", Time), field("total_amount", Int64), field("tax", Int64),
		field("settlement_amount", Int64), field("digital_delivered", Bool), field("customer", JSON), field("metadata", JSON))}
}
