package registrar

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	api "strongroom/api/pluginregistration/v1"
	"strongroom/internal/incumbent"
	"strongroom/internal/unixsock"
)

// What a kubelet wants to hear of a CSI driver. The version is that of the CSI protocol.
const (
	pluginType = "CSIPlugin"
	csiVersion = "1.0.0"
)

// word is something the kubelet said.
type word struct {
	asked    bool // who the driver is
	accepted bool
	refusal  string
}

// appearance is one socket and its server, from bind to end.
type appearance struct {
	api.UnimplementedRegistrationServer
	info     *api.PluginInfo
	version  string
	listener *unixsock.Listener
	server   *grpc.Server
	words    chan word
	refused  atomic.Bool // the kubelet's latest word is no
	ended    chan struct{}
	served   chan struct{}
}

// bind makes a socket and serves on it.
func (r *Registrar) bind(listen func(path string) (*unixsock.Listener, error)) (*appearance, error) {
	listener, err := listen(r.Socket)
	if err != nil {
		return nil, err
	}
	a := &appearance{
		info:     &api.PluginInfo{Type: pluginType, Name: r.Driver, Endpoint: r.Endpoint, SupportedVersions: []string{csiVersion}},
		version:  r.Version,
		listener: listener, server: grpc.NewServer(grpc.ConnectionTimeout(answerWithin)),
		words: make(chan word), ended: make(chan struct{}), served: make(chan struct{}),
	}
	api.RegisterRegistrationServer(a.server, a)
	go func() {
		defer close(a.served)
		_ = a.server.Serve(unixsock.OwnersOnly(listener)) // it ends by end alone; a lost socket is found by looking
	}()
	r.begun = true
	return a, nil
}

// end removes the socket if it stands and stops serving, once what is being answered is: a kubelet that is cut off takes
// the driver it has just accepted for gone. It is called once.
func (a *appearance) end() {
	close(a.ended)
	_ = a.listener.Close()
	a.server.GracefulStop()
	<-a.served
}

// GetInfo implements the protocol. Our version goes into a header, which a kubelet does not look at.
func (a *appearance) GetInfo(ctx context.Context, _ *api.InfoRequest) (*api.PluginInfo, error) {
	if err := grpc.SetHeader(ctx, metadata.Pairs(incumbent.Mark, a.version)); err != nil {
		return nil, err
	}
	if !isOurs(ctx) {
		a.say(ctx, word{asked: true})
	}
	return a.info, nil
}

// NotifyRegistrationStatus implements the protocol.
func (a *appearance) NotifyRegistrationStatus(ctx context.Context, status *api.RegistrationStatus) (*api.RegistrationStatusResponse, error) {
	a.refused.Store(!status.GetPluginRegistered())
	a.say(ctx, word{accepted: status.GetPluginRegistered(), refusal: status.GetError()})
	return &api.RegistrationStatusResponse{}, nil
}

func (a *appearance) say(ctx context.Context, w word) {
	select {
	case a.words <- w:
	case <-a.ended:
	case <-ctx.Done():
	}
}
