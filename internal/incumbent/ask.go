package incumbent

import (
	"context"
	"time"

	spec "github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// answerWithin bounds a question to a server on this node, which answers at once or is stuck.
const answerWithin = 2 * time.Second

// program is who answered.
type program struct {
	driver, version string
	strongroom      string // its version when it is one
}

func ask(ctx context.Context, socket string) (program, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithAuthority("localhost"), grpc.WithNoProxy(), grpc.WithDisableServiceConfig())
	if err != nil {
		return program{}, err
	}
	defer func() { _ = conn.Close() }()
	info, err := spec.NewIdentityClient(conn).GetPluginInfo(ctx, &spec.GetPluginInfoRequest{})
	if err != nil {
		return program{}, err
	}
	return program{driver: info.GetName(), version: info.GetVendorVersion(), strongroom: info.GetManifest()[Mark]}, nil
}
