//go:build linux

package kill

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"strongroom/api/secretsstore"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/publish"
	"strongroom/internal/secret"
	"strongroom/internal/volume"
)

// store is the publish room on a real volume room, with a provider that always gives the version it is told.
type store struct {
	version   int
	record    publish.Record
	publisher *publish.Publisher
}

func newStore(backing string, version int) *store {
	mode := map[string]volume.MountMode{"plain": volume.Plain, "tmpfs": volume.Tmpfs}[backing]
	s := &store{version: version}
	s.publisher = publish.New(publish.Config{
		Classes: s, Providers: s, Volumes: volume.New(volume.Config{Mount: mode}), Clock: clock.Real{}, Recorder: s,
	})
	return s
}

// do is one call of a kubelet. failed is what the node's people are told, where the kubelet itself is answered with success.
func (s *store) do(work, target string) (answer, failed error) {
	if work == "unpublish" {
		err := s.publisher.Unpublish(context.Background(), "csi", target)
		return err, err
	}
	err := s.publisher.Publish(context.Background(), publish.Volume{
		ID: "csi", Target: target, Class: "class", Pod: secret.Pod{Namespace: "default", Name: "pod", UID: "uid", ServiceAccount: "default"},
	})
	return err, s.record.Err
}

// Class implements publish.Classes.
func (s *store) Class(context.Context, string, string) (secretsstore.Class, error) {
	return secretsstore.Class{Metadata: secretsstore.Meta{Namespace: "default", Name: "class"}, Spec: secretsstore.Spec{Provider: "own", Parameters: map[string]string{"some": "thing"}}}, nil
}

// Provider implements publish.Providers.
func (s *store) Provider(string) (provider.Provider, error) { return s, nil }

// Mount implements provider.Provider.
func (s *store) Mount(context.Context, provider.Request) (provider.Response, error) {
	var r provider.Response
	for _, name := range shapes[s.version%len(shapes)] {
		r.Files = append(r.Files, secret.File{Path: name, Mode: 0o644, Contents: secret.NewValue([]byte(value(s.version)))})
	}
	return r, nil
}

// Published implements publish.Recorder.
func (s *store) Published(r publish.Record) { s.record = r }

// Unpublished implements publish.Recorder.
func (*store) Unpublished(string, error) {}

// Forgotten implements publish.Recorder.
func (*store) Forgotten(string) {}

func init() {
	if os.Getenv(asOneStep) != "" {
		runtime.LockOSThread() // the work is done by the thread that is traced
	}
}

// oneStep is the traced child: one call between two stops, then a word about it.
func oneStep(args []string) {
	version, err := strconv.Atoi(args[3])
	if err != nil {
		panic(err)
	}
	s := newStore(args[0], version)
	raise := func() {
		if err := unix.Tgkill(os.Getpid(), unix.Gettid(), syscall.SIGSTOP); err != nil {
			panic(err)
		}
	}
	raise()
	answer, failed := s.do(args[1], args[2])
	raise()
	fmt.Printf("%t %t %d %s\n", answer == nil, failed == nil, len(fault.Remedies(failed)), fault.Explain(failed))
	os.Exit(0)
}
