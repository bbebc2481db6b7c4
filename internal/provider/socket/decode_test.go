package socket_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	api "strongroom/api/provider/v1alpha1"
	"strongroom/internal/provider/socket"
)

func TestRequestsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	path := serve(t, socket.ServerConfig{Provider: answering(oneFile("x")), MaxRequest: 64 << 10})
	client, _ := upstream(t, path)
	tests := map[string]struct {
		mutate func(*api.MountRequest)
		header string
		want   string
	}{
		"attributes not JSON":     {mutate: func(r *api.MountRequest) { r.Attributes = "planted" }, want: "failed to unmarshal attributes, error: "},
		"attributes not strings":  {mutate: func(r *api.MountRequest) { r.Attributes = `{"planted":7}` }, want: "failed to unmarshal attributes, error: "},
		"secrets empty":           {mutate: func(r *api.MountRequest) { r.Secrets = "" }, want: "failed to unmarshal secrets, error: "},
		"secrets a list":          {mutate: func(r *api.MountRequest) { r.Secrets = `["planted"]` }, want: "failed to unmarshal secrets, error: "},
		"permission empty":        {mutate: func(r *api.MountRequest) { r.Permission = "" }, want: "failed to unmarshal file permission, error: "},
		"permission a word":       {mutate: func(r *api.MountRequest) { r.Permission = `"planted"` }, want: "failed to unmarshal file permission, error: "},
		"permission negative":     {mutate: func(r *api.MountRequest) { r.Permission = "-1" }, want: "failed to unmarshal file permission, error: "},
		"permission with setuid":  {mutate: func(r *api.MountRequest) { r.Permission = "2541" }, want: "is more than 511 (0777)"},
		"two problems":            {mutate: func(r *api.MountRequest) { r.Permission, r.Attributes = "x", "y" }, want: "failed to unmarshal file permission, error: "},
		"an age that is no age":   {mutate: func(*api.MountRequest) {}, header: "soon", want: "strongroom-max-age-ns"},
		"an age below nothing":    {mutate: func(*api.MountRequest) {}, header: "-1", want: "strongroom-max-age-ns"},
		"an age beyond all bound": {mutate: func(*api.MountRequest) {}, header: "99999999999999999999", want: "strongroom-max-age-ns"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in := mountRequest()
			test.mutate(in)
			ctx := t.Context()
			if test.header != "" {
				ctx = metadata.AppendToOutgoingContext(ctx, "strongroom-max-age-ns", test.header)
			}
			_, err := client.Mount(ctx, in)
			if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want InvalidArgument with %q", err, test.want)
			}
			if strings.Contains(err.Error(), "planted") {
				t.Errorf("%q repeats what it was sent", err)
			}
		})
	}
	t.Run("too large", func(t *testing.T) {
		in := mountRequest()
		in.Attributes = `{"objects":"` + strings.Repeat("x", 100<<10) + `"}`
		if _, err := client.Mount(t.Context(), in); status.Code(err) != codes.ResourceExhausted {
			t.Errorf("got %v, want ResourceExhausted", err)
		}
	})
}
