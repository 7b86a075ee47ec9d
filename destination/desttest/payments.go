package desttest

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/synclinehq/syncline/batch"
)

// PaymentSchema is a stream of 22 fields as payment APIs have them.
func PaymentSchema() *batch.Schema {
	s := &batch.Schema{Fields: []batch.Field{
		{Name: "payment_id", Type: batch.String, Key: true},
		{Name: "brand_id", Type: batch.String}, {Name: "business_id", Type: batch.String},
		{Name: "created_at", Type: batch.Time}, {Name: "updated_at", Type: batch.Time},
		{Name: "currency", Type: batch.String}, {Name: "customer", Type: batch.JSON}, {Name: "billing", Type: batch.JSON},
		{Name: "total_amount", Type: batch.Int64}, {Name: "tax", Type: batch.Int64},
		{Name: "settlement_amount", Type: batch.Int64}, {Name: "settlement_currency", Type: batch.String},
		{Name: "settlement_tax", Type: batch.Int64}, {Name: "status", Type: batch.String},
		{Name: "payment_method", Type: batch.String}, {Name: "payment_method_type", Type: batch.String},
		{Name: "subscription_id", Type: batch.String}, {Name: "digital_products_delivered", Type: batch.Bool},
		{Name: "card_last_four", Type: batch.String}, {Name: "card_network", Type: batch.String},
		{Name: "metadata", Type: batch.JSON}, {Name: "error_code", Type: batch.String},
	}}
	for i := range s.Fields {
		s.Fields[i].Declared = true
	}
	return s
}

// Payments appends n payments from number first on, of about 590 bytes each, to
// a batch of [PaymentSchema]. The same numbers and version give the same rows.
func Payments(b *batch.Batch, first, n int, version int64) {
	var seed [8]byte
	for k := first; k < first+n; k++ {
		binary.BigEndian.PutUint64(seed[:], uint64(k))
		id := sha256.Sum256(seed[:])
		name := base32.HexEncoding.EncodeToString(id[:15])
		rnd := rand.New(rand.NewPCG(uint64(k), uint64(version)))
		at := time.Date(2026, 1, 1, 0, 0, k, 0, time.UTC).UnixMicro()
		amount := rnd.Int64N(1_000_000)
		for j, v := range []any{
			"pay_" + name, "bus_brand00000000000001", "bus_00000000000000000001", at, at + version,
			"USD", fmt.Sprintf(`{"customer_id":"cus_%s","email":"user%d@example.com","name":"Customer Number %d"}`, name[:16], k, k),
			fmt.Sprintf(`{"city":"Shenzhen","country":"CN","state":"Guangdong","street":"%d Keji Road","zipcode":"518000"}`, k%999),
			amount, amount / 10, amount * 7, "CNY", amount / 100, []string{"succeeded", "failed", "processing"}[k%3],
			"card", "credit", nil, k%2 == 0, fmt.Sprintf("%04d", k%10000), "visa", `{"order":"` + name[:8] + `","source":"web"}`, nil,
		} {
			put(b.Column(j), v)
		}
		m := batch.Meta{Version: version, Tie: version}
		binary.BigEndian.PutUint64(m.Hash[:], uint64(k)+1)
		binary.BigEndian.PutUint64(m.Hash[8:], uint64(version))
		b.EndRow(m)
	}
}

// put appends a value to a column: nil, or what the column's type is as in Go.
// Decimal and JSON are given as text, dates as their text.
func put(c *batch.Column, v any) {
	switch v := v.(type) {
	case nil:
		c.AppendNull()
	case bool:
		n := int64(0)
		if v {
			n = 1
		}
		c.AppendInt64(n)
	case int:
		c.AppendInt64(int64(v))
	case int64:
		c.AppendInt64(v)
	case float64:
		c.AppendFloat64(v)
	case []byte:
		c.AppendBytes(v)
	case time.Time:
		c.AppendInt64(v.UnixMicro())
	case string:
		if c.Type() == batch.Date {
			day, err := time.Parse(time.DateOnly, v)
			if err != nil {
				panic(err)
			}
			c.AppendInt64(day.Unix() / 86400)
			return
		}
		c.AppendBytes([]byte(v))
	default:
		panic(fmt.Sprintf("value of type %T", v))
	}
}
