package socket

import (
	"context"
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	api "strongroom/api/provider/v1alpha1"
	"strongroom/internal/fault"
	"strongroom/internal/provider"
)

const planted = "Pl4ntedS3cret"

// What a driver sends is read as it was meant, or refused without a word of what it holds; nothing is from the future.
func FuzzRequest(f *testing.F) {
	f.Add(`{"a":"b"}`, "null", "420", "0", "1")
	f.Add(`{"a":"`+planted+`"`, `{"k":1}`, "512", "-1", "x")
	f.Add(`[]`, `{"k":"`+planted+`"}`, "4294967296", "9223372036854775807", "-9223372036854775808")
	f.Add("", "", "", "", "")
	f.Fuzz(func(t *testing.T, attributes, secrets, mode, age, sent string) {
		now := moment{before: time.Unix(1e9, 0), after: time.Unix(1e9, 1), shared: time.Hour, known: true}
		md := metadata.Pairs(headerMaxAge, age, headerSent, sent, headerMaxRecv, age)
		if age == "" {
			md = nil
		}
		if n := decodeMaxRecv(md, 7); n <= 0 {
			t.Errorf("%d bytes", n)
		}
		in := &api.MountRequest{Attributes: attributes, Secrets: secrets, Permission: mode, TargetPath: "/t"}
		r, err := decodeRequest(in, md, now)
		if err != nil {
			if said := fault.Explain(err); fault.KindOf(err) != fault.Invalid || strings.Contains(said, "\n") || strings.Contains(said, planted) {
				t.Fatalf("%v %q", fault.KindOf(err), said)
			}
			return
		}
		if r.Mode != r.Mode.Perm() || r.Freshness.NotBefore.After(now.after) {
			t.Fatalf("%+v", r)
		}
		again, err := encodeRequest(r)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decodeRequest(again, nil, now)
		r.Freshness = provider.Freshness{}
		if diff := cmp.Diff(r, back, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Error(err, diff)
		}
	})
}

// Whatever a provider answers, modes are permission bits, ages are not below zero, waits have an end, and an error has a
// kind and a bounded text. What our own provider answers comes through unchanged.
func FuzzAnswer(f *testing.F) {
	full := provider.Report{Identity: "x", Objects: []provider.Outcome{{Object: "secret/a", Age: -1}}, Age: -5}
	report, _ := json.Marshal(full)
	for _, a := range []*api.MountResponse{
		{ObjectVersion: []*api.ObjectVersion{{Id: "secret/a", Version: "v"}}, Files: []*api.File{{Path: "../a", Mode: -1, Contents: []byte("x")}}},
		{Error: &api.Error{Code: "ProviderError"}}, {},
	} {
		wire, err := proto.Marshal(a)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire, string(report), "denied", "5", uint32(7), "no")
		f.Add(wire, `{"objects":[null],"age":1e99}`, "\xff", "99999999999", uint32(99), strings.Repeat("long ", 9000))
	}
	r := &remote{name: "azure", dir: &Directory{}}
	f.Fuzz(func(t *testing.T, wire []byte, report, kind, wait string, code uint32, said string) {
		var a api.MountResponse
		if proto.Unmarshal(wire, &a) != nil {
			return // gRPC refuses it by itself
		}
		trailer := metadata.Pairs(trailerReport, report, trailerKind, kind, trailerRetryAfter, wait)
		decoded := decodeReport(trailer)
		for _, o := range decoded.Objects {
			if o.Age < 0 || decoded.Age < 0 {
				t.Fatalf("%+v", decoded)
			}
		}
		if w := decodeRetryAfter(trailer); w < 0 || w > 25*24*time.Hour {
			t.Fatalf("a wait of %v", w)
		}
		for _, md := range []metadata.MD{trailer, nil} {
			err := r.failed(context.Background(), "/p.sock", status.Error(codes.Code(code), said), md)
			if text := err.Error(); len(text) > maxTold+1024 || text == "" {
				t.Fatalf("%d bytes of error", len(text))
			}
		}
		got, err := r.decodeResponse(&a)
		if err != nil {
			return
		}
		for _, file := range got.Files {
			if file.Mode&^fs.ModePerm != 0 {
				t.Fatalf("%v", file.Mode)
			}
		}
		again, err := encodeResponse(got, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		back, err := r.decodeResponse(again)
		if diff := cmp.Diff(got, back, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Error(err, diff)
		}
	})
}
