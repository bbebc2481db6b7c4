package socket

import (
	"context"
	"log/slog"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	api "strongroom/api/provider/v1alpha1"
	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/secret"
	"strongroom/internal/telemetry/logkey"
)

// service answers the protocol's two calls.
type service struct {
	api.UnimplementedCSIDriverProviderServer
	cfg  ServerConfig
	gate *gate
}

// Version says who answers. Whatever version a driver speaks, it is answered: drivers do not look at it to mount.
func (s *service) Version(context.Context, *api.VersionRequest) (*api.VersionResponse, error) {
	return &api.VersionResponse{Version: protocolVersion, RuntimeName: s.cfg.Program, RuntimeVersion: s.cfg.Version}, nil
}

// Mount fetches a volume's content. A failure is answered as a whole, with the report as far as the provider got.
func (s *service) Mount(ctx context.Context, in *api.MountRequest) (*api.MountResponse, error) {
	resp, out, err := s.mount(ctx, in)
	_ = grpc.SetTrailer(ctx, encodeTrailer(resp, err)) // fails only outside a call
	if err != nil {
		remark(ctx, slog.String(logkey.Kind, fault.KindOf(err).String()))
		return nil, encodeError(err)
	}
	remark(ctx, slog.Int(logkey.Objects, len(out.GetObjectVersion())), slog.Int(logkey.Files, len(out.GetFiles())),
		slog.Int(logkey.TokenCalls, resp.Report.Calls.Token), slog.Int(logkey.VaultCalls, resp.Report.Calls.Vault),
		slog.Int(logkey.Shared, resp.Report.Calls.Shared))
	return out, nil
}

func (s *service) mount(ctx context.Context, in *api.MountRequest) (provider.Response, *api.MountResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	req, err := decodeRequest(in, md, readMoment(s.cfg.Clock))
	remark(ctx, slog.String(logkey.Pod, podOf(req).String()))
	if err != nil {
		return provider.Response{}, nil, err
	}
	leave, err := s.gate.enter(ctx)
	if err != nil {
		return provider.Response{}, nil, err
	}
	defer leave()
	resp, err := s.cfg.Provider.Mount(ctx, req)
	if err != nil {
		return resp, nil, classified(err)
	}
	out, err := encodeResponse(resp, decodeMaxRecv(md, s.cfg.MaxAnswer))
	return resp, out, err
}

// podOf is whom the mount is for: the one thing of the attributes that is logged.
func podOf(req provider.Request) secret.Pod {
	return secret.Pod{
		Namespace: req.Attributes[secretsstore.AttrPodNamespace],
		Name:      req.Attributes[secretsstore.AttrPodName],
	}
}
