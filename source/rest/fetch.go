package rest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
)

// Fetch reads one object by its key, see [syncline.Fetcher].
func (src *Source) Fetch(ctx context.Context, name string, key syncline.Key) (syncline.Record, error) {
	var none syncline.Record
	s := src.streams[name]
	if s == nil || s.def.Get == "" {
		return none, &syncline.Error{Code: syncline.CodeConfigInvalid, Class: syncline.Fatal, Where: name, What: "objects of this stream cannot be read by id"}
	}
	parts, err := key.Parts()
	if err != nil || len(parts) != len(s.def.Key) {
		return none, &syncline.Error{Code: syncline.CodeStateInvalid, Class: syncline.Permanent, Where: name, What: "key " + key.String() + " is not one of this stream", Err: err}
	}
	path, ok := expand(s.def.Get, func(ref string) (string, bool) {
		member, _ := cutScope(ref)
		i := slices.Index(s.def.Key, member)
		if i < 0 {
			return "", false
		}
		return parts[i], true
	})
	if !ok {
		return none, fmt.Errorf("%w: key %s cannot be part of an address", syncline.ErrGone, key)
	}
	scanner := batch.NewScanner(s.detail)
	var row batch.Record
	a, err := src.client.get(ctx, &request{path: path, where: name, accept: func(body []byte) (err error) {
		row, err = scanner.One(body)
		return err
	}}, nil)
	if errors.Is(err, errGone) {
		return none, syncline.ErrGone
	}
	if err != nil {
		return none, err
	}
	if row.Err == nil && string(row.Key) != string(key) {
		return none, &syncline.Error{Code: syncline.CodeSourceContract, Class: syncline.Permanent, Where: name + " GET " + path, What: "the API answers with another object than the one asked for"}
	}
	r := syncline.Record{Key: key, Data: row.Data, Hash: row.Hash, Reject: reject(row.Err)}
	s.version(&r, row.Cursor, a.sent, 0)
	return r, nil
}
