package main

import (
	"encoding/binary"
	"time"
)

// Binary COPY: a header, rows of length-prefixed values, a trailer.
var (
	copyHeader  = []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	copyTrailer = []byte{0xff, 0xff}
)

// postgresEpoch is 2000-01-01, where PostgreSQL's times begin.
var postgresEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

// appendCopy appends the payment as a row of binary COPY, columns in the order
// of [postgresColumns].
func (p *payment) appendCopy(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(textColumns)+len(jsonColumns)+2+len(flagColumns)))
	for _, v := range p.texts() {
		if v == nil {
			b = append(b, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
		b = append(b, v...)
	}
	for _, v := range [...][]byte{p.customer, p.metadata, p.subscriptionIDs} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(v)+1))
		b = append(b, 1) // version of jsonb
		b = append(b, v...)
	}
	b = binary.BigEndian.AppendUint32(b, 8)
	b = binary.BigEndian.AppendUint64(b, uint64(p.createdAt.UnixMicro()-postgresEpoch))
	b = binary.BigEndian.AppendUint32(b, 8)
	b = binary.BigEndian.AppendUint64(b, uint64(p.totalAmount))
	for _, v := range [...]bool{p.delivered, p.licenceKey, p.multi} {
		b = binary.BigEndian.AppendUint32(b, 1)
		if v {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	return b
}
