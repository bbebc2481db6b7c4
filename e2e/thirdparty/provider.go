// Package thirdparty is a provider as other people write them for upstream's driver, inside the test process, which
// shares the node's directories: it knows nothing of the driver it meets but the protocol, and insists on what those
// providers insist on.
package thirdparty

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	api "strongroom/api/provider/v1alpha1"
)

// Dir is where drivers look for providers.
const Dir = "/var/run/secrets-store-csi-providers"

// tokens is the attribute in which the kubelet's tokens come with every mount.
const tokens = "csi.storage.k8s.io/serviceAccount.tokens"

// Provider answers mounts of classes whose parameter "items" lists what they want, by commas. Name and Audiences are
// required.
type Provider struct {
	// Name is what classes call it.
	Name string
	// Audiences lists whose tokens must come with every mount, at the time of the mount.
	Audiences func(context.Context) ([]string, error)
	// Writes makes it one of the older kind: it writes the files itself and answers with versions alone.
	Writes bool
	// Code, when set, is answered in place of content.
	Code string
	// Mode is that of every file, as the wire has it. 0 is what a provider answers that never thought of it.
	Mode int32

	api.UnimplementedCSIDriverProviderServer
	mu    sync.Mutex
	items map[string]item
}

// item is one secret and how often it was set.
type item struct {
	text    string
	version int
}

// Set gives an item a value, for everybody.
func (p *Provider) Set(name, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.items == nil {
		p.items = map[string]item{}
	}
	p.items[name] = item{text, p.items[name].version + 1}
}

// Serve listens until the test ends.
func (p *Provider) Serve(t testing.TB) {
	t.Helper()
	listener, err := net.Listen("unix", filepath.Join(Dir, p.Name+".sock"))
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(onlyLocalhost))
	api.RegisterCSIDriverProviderServer(server, p)
	t.Cleanup(server.Stop)
	go func() { _ = server.Serve(listener) }() // Stop ends it
}

// onlyLocalhost refuses callers that name any other authority, as web servers behind such sockets do.
func onlyLocalhost(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	headers, _ := metadata.FromIncomingContext(ctx)
	if got := headers.Get(":authority"); len(got) != 1 || got[0] != "localhost" {
		return nil, status.Errorf(codes.PermissionDenied, "the authority is %q", got)
	}
	return next(ctx, request)
}

// Version implements the protocol.
func (p *Provider) Version(context.Context, *api.VersionRequest) (*api.VersionResponse, error) {
	return &api.VersionResponse{Version: "v1alpha1", RuntimeName: p.Name, RuntimeVersion: "0.1"}, nil
}

// Mount implements the protocol.
func (p *Provider) Mount(ctx context.Context, r *api.MountRequest) (*api.MountResponse, error) {
	var attributes map[string]string
	if err := json.Unmarshal([]byte(r.Attributes), &attributes); err != nil {
		return nil, fmt.Errorf("attributes: %w", err)
	}
	var permission os.FileMode
	if err := json.Unmarshal([]byte(r.Permission), &permission); err != nil || permission != 0o644 {
		return nil, fmt.Errorf("permission %q is not 420 (%v)", r.Permission, err)
	}
	if err := p.hasTokens(ctx, attributes[tokens]); err != nil {
		return nil, err
	}
	if p.Code != "" {
		return &api.MountResponse{Error: &api.Error{Code: p.Code}}, nil
	}
	response, err := p.content(strings.Split(attributes["items"], ","))
	if err != nil {
		return nil, err
	}
	if p.Writes {
		return &api.MountResponse{ObjectVersion: response.ObjectVersion}, write(r.TargetPath, response.Files)
	}
	return response, nil
}

// hasTokens demands a token for each audience that the CSIDriver lists.
func (p *Provider) hasTokens(ctx context.Context, text string) error {
	var got map[string]struct {
		Token               string
		ExpirationTimestamp string
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		return fmt.Errorf("tokens: %w", err)
	}
	audiences, err := p.Audiences(ctx)
	if err != nil {
		return err
	}
	for _, audience := range audiences {
		if got[audience].Token == "" || got[audience].ExpirationTimestamp == "" {
			return fmt.Errorf("there is no token for %s", audience)
		}
	}
	return nil
}

func (p *Provider) content(names []string) (*api.MountResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	response := &api.MountResponse{}
	for _, name := range names {
		found, there := p.items[name]
		if !there {
			return nil, fmt.Errorf("there is no %s", name)
		}
		response.ObjectVersion = append(response.ObjectVersion, &api.ObjectVersion{Id: name, Version: fmt.Sprintf("v%d", found.version)})
		response.Files = append(response.Files, &api.File{Path: name, Mode: p.Mode, Contents: []byte(found.text)})
	}
	return response, nil
}

// write puts files into the target, as providers did before drivers wrote them.
func write(target string, files []*api.File) error {
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(target, f.Path), f.Contents, 0o644); err != nil {
			return err
		}
	}
	return nil
}
