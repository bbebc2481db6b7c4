package registrar

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	api "strongroom/api/pluginregistration/v1"
	"strongroom/internal/fault"
	"strongroom/internal/incumbent"
	"strongroom/internal/unixsock"
)

// answerWithin bounds a question to a server on this node, which answers at once or is stuck.
const answerWithin = 2 * time.Second

// appear binds where nobody serves. A Strongroom that does is our predecessor when we have only begun, and is succeeded;
// later it is our successor, and may stay. Anybody else is refused loudly.
func (r *Registrar) appear(ctx context.Context) (*appearance, error) {
	if !unixsock.Answers(r.Socket) {
		return r.bind(unixsock.Listen)
	}
	other, strongroom, err := who(ctx, r.Socket)
	switch {
	case err != nil:
		return nil, fault.Wrap(err, fault.Denied, r.Socket, "a program listens here and does not say who it is").
			Mend("find it on the node with: ss -xlp | grep %s", r.Socket)
	case strongroom && !r.begun:
		return r.bind(unixsock.Replace)
	case strongroom:
		return nil, fault.New(fault.Busy, r.Socket, "another instance of Strongroom has registered the driver")
	}
	return nil, fault.New(fault.Denied, r.Socket, "another program registers driver %s at %s with the kubelet here; two cannot serve one name",
		fault.Shorten(other.GetName()), fault.Bound(other.GetEndpoint(), 256)).Mend("%s", incumbent.Removal)
}

// who asks a registration socket for its owner, as a kubelet does.
func who(ctx context.Context, socket string) (other *api.PluginInfo, strongroom bool, err error) {
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(ctx, incumbent.Mark, ""), answerWithin)
	defer cancel()
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithAuthority("localhost"), grpc.WithNoProxy(), grpc.WithDisableServiceConfig())
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = conn.Close() }()
	var header metadata.MD
	other, err = api.NewRegistrationClient(conn).GetInfo(ctx, &api.InfoRequest{}, grpc.Header(&header))
	return other, len(header.Get(incumbent.Mark)) > 0, err
}

// isOurs says whether a Strongroom asks, and no kubelet.
func isOurs(ctx context.Context) bool {
	md, _ := metadata.FromIncomingContext(ctx)
	return len(md.Get(incumbent.Mark)) > 0
}
