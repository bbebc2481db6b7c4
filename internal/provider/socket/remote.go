package socket

import (
	"context"
	"encoding/json"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	api "strongroom/api/provider/v1alpha1"
	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/secret"
)

// remote is a provider behind a socket.
type remote struct {
	name string
	dir  *Directory
}

// Mount asks the provider once. Paths are passed on as they came: what may become a file is for the volume to say.
// Files is nil when a provider may have written them to the target itself, which Strongroom's own never does: of what
// sends a report, no files are an answer without files, as of a class whose optional objects are all missing. The wire
// itself cannot tell the two apart.
func (r *remote) Mount(ctx context.Context, req provider.Request) (provider.Response, error) {
	in, err := encodeRequest(req)
	if err != nil {
		return provider.Response{}, fault.New(fault.Internal, r.subject(), "the request cannot be put into JSON")
	}
	ctx, cancel := context.WithTimeout(ctx, r.dir.cfg.Timeout)
	defer cancel()
	wait := r.dir.cfg.Wait
	if len(req.Current) > 0 {
		wait = 0
	}
	c, err := r.dir.connect(ctx, r.name, wait)
	if err != nil {
		return provider.Response{}, err
	}
	defer r.dir.pool.release(c)

	var trailer metadata.MD
	out, err := api.NewCSIDriverProviderClient(c.cc).Mount(r.dir.cfg.withHeaders(ctx, req.Freshness), in, grpc.Trailer(&trailer))
	report := decodeReport(trailer)
	if err != nil {
		return provider.Response{Report: report}, r.failed(ctx, c.path, err, trailer)
	}
	resp, err := r.decodeResponse(out)
	if resp.Files == nil && len(trailer.Get(trailerFiles)) > 0 {
		resp.Files = []secret.File{} // every object was optional and missing: the volume is to be empty
	}
	resp.Report = report
	if err == nil && resp.Files == nil && len(trailer.Get(trailerReport)) > 0 {
		resp.Files = []secret.File{}
	}
	return resp, err
}

func (r *remote) subject() string { return "provider " + strconv.Quote(r.name) }

// withHeaders states what only the driver knows; a provider that is not Strongroom's does not look.
func (c Config) withHeaders(ctx context.Context, fresh provider.Freshness) context.Context {
	pairs := []string{headerMaxRecv, strconv.Itoa(c.MaxRecv)}
	if fresh.Stated() {
		now := readMoment(c.Clock)
		age := max(0, now.before.Sub(fresh.NotBefore))
		pairs = append(pairs, headerMaxAge, strconv.FormatInt(age.Nanoseconds(), 10))
		if now.known {
			pairs = append(pairs, headerSent, strconv.FormatInt(now.shared.Nanoseconds(), 10))
		}
	}
	return metadata.AppendToOutgoingContext(ctx, pairs...)
}

// encodeRequest writes the JSON in strings that providers expect: attributes always an object, absent secrets "null",
// the permission a decimal. A secret that is not UTF-8 arrives with U+FFFD in it, as from every driver: JSON has no
// other way to carry it.
func encodeRequest(req provider.Request) (*api.MountRequest, error) {
	attributes := req.Attributes
	if attributes == nil {
		attributes = map[string]string{}
	}
	attributesText, err := json.Marshal(attributes)
	if err != nil {
		return nil, err
	}
	secretsText, err := json.Marshal(revealed(req.Secrets))
	if err != nil {
		return nil, err
	}
	return &api.MountRequest{
		Attributes:           string(attributesText),
		Secrets:              string(secretsText),
		TargetPath:           req.Target,
		Permission:           strconv.Itoa(int(req.Mode.Perm())),
		CurrentObjectVersion: encodeVersions(req.Current),
	}, nil
}

func revealed(values map[string]secret.Value) map[string]string {
	if values == nil {
		return nil
	}
	plain := make(map[string]string, len(values))
	for key, v := range values {
		plain[key] = string(v.Reveal())
	}
	return plain
}
