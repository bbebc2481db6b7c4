package cli

import (
	"context"
	_ "embed"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"strongroom/internal/azure/cloud"
	"strongroom/internal/emulator"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// demoState is the Azure that the demo and the examples meet.
//
//go:embed demo.yaml
var demoState []byte

// session is an emulator in this process for as long as one command runs. The zero session has none.
type session struct {
	emulator *emulator.Emulator
	dir      string // its CA and cloud environment, for this process's own provider
}

// newSession binds an emulator with the demo's state or a file's, and points the Azure settings at it.
func newSession(state string, c *azureConfig) (*session, error) {
	em, err := newEmulator(state, emulator.Config{})
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "strongroom-")
	if err != nil {
		_ = em.Close()
		return nil, fault.Wrap(err, fault.Internal, os.TempDir(), "no temporary directory can be made")
	}
	s := &session{emulator: em, dir: dir}
	if err := s.pointAt(c); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// close gives back what was bound and written, where it was never run.
func (s *session) close() error {
	return errors.Join(s.emulator.Close(), os.RemoveAll(s.dir))
}

// pointAt makes the emulator the default cloud, trusted by its own CA and by nothing else of this machine.
func (s *session) pointAt(c *azureConfig) error {
	ends := s.emulator.Endpoints()
	c.CAFile, c.CloudFile = filepath.Join(s.dir, "ca.pem"), filepath.Join(s.dir, "cloud.json")
	c.TokenProxy, c.TokenProxyCA, c.SNI = ends.TokenProxy, c.CAFile, hostOf(ends.TokenProxy)
	c.NMI, c.HTTPSProxy = ends.NMI, ""
	for _, address := range ends.IMDS {
		c.IMDS = address
	}
	for path, content := range map[string][]byte{c.CAFile: s.emulator.CA(), c.CloudFile: s.emulator.CloudFile()} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return fault.Wrap(err, fault.Internal, path, "cannot be written")
		}
	}
	return nil
}

// during runs work while the emulator serves, and ends both.
func (s *session) during(ctx context.Context, work func(context.Context) error) error {
	if s.emulator == nil {
		return work(ctx)
	}
	defer os.RemoveAll(s.dir)
	serving, stop := context.WithCancel(ctx)
	defer stop()
	var group errgroup.Group
	group.Go(func() error { return s.emulator.Run(serving) })
	err := work(ctx)
	stop()
	if ended := group.Wait(); err == nil {
		return ended
	}
	return err
}

const bindingAudience = "api://AKSIdentityBinding"

// exchangeAudiences are those a kubelet is told to mint tokens for.
var exchangeAudiences = []string{cloud.PublicExchangeAudience, bindingAudience}

// tokens are the kubelet's, from the stand-in for a cluster's token issuer; none without an emulator.
func (s *session) tokens(namespace, account string) (secret.Value, error) {
	if s.emulator == nil {
		return secret.Value{}, nil
	}
	return kubeletTokens(exchangeAudiences, func(audience string) (string, time.Time, error) {
		return s.emulator.ServiceAccountToken(namespace, account, audience, time.Hour)
	})
}
