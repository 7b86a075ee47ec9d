package rest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
)

// stream is a stream of a connector made ready for use.
type stream struct {
	def     *Stream
	opt     StreamOptions
	fresh   Freshness
	paging  *Paging
	schemas map[string]*batch.Schema
	made    string // member with the time of creation, "" if there is none
	list    batch.Spec
	detail  batch.Spec
	parent  *stream
}

func newStream(c *Connector, def *Stream, opt StreamOptions) (*stream, error) {
	s := &stream{def: def, opt: opt, paging: c.paging(def.Paging), fresh: *def.Freshness}
	if err := s.override(); err != nil {
		return nil, err
	}
	s.schemas = def.schemas()
	switch {
	case def.Slice != nil:
		s.made = def.Slice.Field
	case slices.ContainsFunc(def.Fields, func(f Field) bool { return f.Name == "created_at" && f.Type == batch.Time }):
		s.made = "created_at"
	}
	cursor := def.Version
	if cursor == "" {
		cursor = s.made
	}
	var records []string
	if *def.Records != "" {
		records = strings.Split(*def.Records, ".")
	}
	s.list = batch.Spec{Records: records, Key: def.Key, Cursor: cursor, Exclude: def.Exclude,
		Salt: s.salt(syncline.ShapeList), NullEqualsAbsent: c.Hash.NullEqualsAbsent}
	s.detail = s.list
	s.detail.Records, s.detail.Salt = nil, s.salt(syncline.ShapeDetail)
	return s, nil
}

// override puts the user's settings over the connector's.
func (s *stream) override() error {
	o := &s.opt
	if o.Window != nil {
		if s.def.Slice == nil && o.Window.Every > 0 {
			return fmt.Errorf("stream %s has no filter by time of creation, so it cannot have a window", s.def.Name)
		}
		s.fresh.Window = o.Window
	}
	if o.OpenEvery != nil && s.fresh.Open != nil {
		open := *s.fresh.Open
		open.Every = Duration(*o.OpenEvery)
		s.fresh.Open = &open
	}
	if o.SweepEvery != nil {
		s.fresh.Sweep = &FullSweep{Every: Duration(*o.SweepEvery)}
	}
	if o.Overlap != nil {
		n := NewRows{}
		if s.fresh.New != nil {
			n = *s.fresh.New
		}
		n.Overlap = Duration(*o.Overlap)
		s.fresh.New = &n
	}
	if o.Detail != nil && *o.Detail && s.def.Get == "" {
		return fmt.Errorf("stream %s cannot be read by id", s.def.Name)
	}
	return nil
}

// useDetail reports whether new and changed rows are to be read by id.
func (s *stream) useDetail() bool {
	if s.opt.Detail != nil {
		return *s.opt.Detail
	}
	return s.def.Detail != nil && s.def.Detail.Use && s.def.Get != ""
}

// salt changes all hashes of a shape when its fields change, or when detail is
// switched on or off, so that rows are stored anew in the new form.
func (s *stream) salt(shape string) []byte {
	if shape == syncline.ShapeList && s.useDetail() {
		shape = syncline.ShapeMerged
	}
	h := sha256.New()
	fmt.Fprintf(h, "1 %s %s\n", s.def.Name, shape)
	if sch := s.schemas[shape]; sch != nil {
		for _, f := range sch.Fields {
			fmt.Fprintf(h, "%q %s\n", f.Name, f.Type)
		}
	}
	return h.Sum(nil)[:8]
}

// schemas returns the declared fields by shape, key fields first.
func (def *Stream) schemas() map[string]*batch.Schema {
	list := schemaOf(def.Key, def.Fields)
	if def.Path == "" {
		return map[string]*batch.Schema{syncline.ShapeDetail: list}
	}
	out := map[string]*batch.Schema{syncline.ShapeList: list}
	if def.Get == "" && len(def.Events) == 0 {
		return out
	}
	if def.Detail == nil {
		out[syncline.ShapeDetail], out[syncline.ShapeMerged] = list.Clone(), list.Clone()
		return out
	}
	kept := slices.DeleteFunc(slices.Clone(def.Fields), func(f Field) bool { return slices.Contains(def.Detail.Drop, f.Name) })
	out[syncline.ShapeDetail] = schemaOf(def.Key, append(kept, def.Detail.Add...))
	out[syncline.ShapeMerged] = schemaOf(def.Key, append(slices.Clone(def.Fields), def.Detail.Add...))
	return out
}

func schemaOf(key []string, fields []Field) *batch.Schema {
	s := &batch.Schema{}
	for _, k := range key {
		i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == k })
		s.Fields = append(s.Fields, batch.Field{Name: k, Type: fields[i].Type, Key: true, Declared: true})
	}
	for _, f := range fields {
		if !slices.Contains(key, f.Name) {
			s.Fields = append(s.Fields, batch.Field{Name: f.Name, Type: f.Type, Declared: true})
		}
	}
	return s
}

// describe returns the stream as the engine sees it.
func (s *stream) describe() syncline.Stream {
	d := *s.def.Delete
	if s.opt.MaxDeleteRows > 0 {
		d.MaxRows = s.opt.MaxDeleteRows
	}
	if s.opt.MaxDeleteShare > 0 {
		d.MaxShare = s.opt.MaxDeleteShare
	}
	return syncline.Stream{
		Name: s.def.Name, Schemas: s.schemas, Detail: s.useDetail(), Fetchable: s.def.Get != "",
		Default: s.def.Default, UpdateVersion: s.def.Version != "",
		Deletes: syncline.DeletePolicy{Absent: d.Absent, MaxShare: d.MaxShare, MaxRows: d.MaxRows},
	}
}

// version fills in the order of a record's states: the source's update time
// where there is one, else the time of the snapshot.
func (s *stream) version(r *syncline.Record, updated []byte, snapshot time.Time, tie int64) {
	if s.def.Version == "" {
		r.Version, r.Tie = snapshot.UnixMicro(), tie
		return
	}
	r.Version, r.Tie = micros(updated), snapshot.UnixMicro()
	if r.Version == 0 && r.Reject == "" {
		r.Reject = "version_missing: " + s.def.Version + " is not a time"
	}
}

// reject returns why a scanned record cannot be used, "" if it can.
func reject(err error) string {
	if err == nil {
		return ""
	}
	code := "record_invalid"
	var e *batch.RecordError
	if errors.As(err, &e) {
		code = string(e.Reason)
	}
	return code + ": " + err.Error()
}
