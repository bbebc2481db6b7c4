package cli

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/manifest"
	"strongroom/internal/provider"
	"strongroom/internal/publish"
	"strongroom/internal/secret"
)

// onceConfig is what mount and explain have in common: one class, one stand-in for a pod, the one path of a volume.
type onceConfig struct {
	File       string // the manifest
	Class      string // which class of it; empty when it holds one
	Namespace  string
	Pod        string
	Account    string // the pod's ServiceAccount
	TokenFile  string // a service account token of that account
	SecretsDir string // a directory with one file per key, as nodePublishSecretRef's Secret would be
	Emulator   string // "", "demo", or a state file
	Timeout    time.Duration
	azure      *azureConfig
}

func onceFlags(set *flag.FlagSet, p Process) *onceConfig {
	c := &onceConfig{azure: azureFlags(set, p)}
	set.StringVar(&c.File, "f", "", "manifest `file` with the SecretProviderClass (required)")
	set.StringVar(&c.Class, "class", "", "`name` of the class, when the manifest holds several")
	set.StringVar(&c.Namespace, "namespace", "default", "`namespace` of the pod that is stood in for")
	set.StringVar(&c.Pod, "pod", "strongroom-cli", "`name` of the pod that is stood in for")
	set.StringVar(&c.Account, "service-account", "default", "`name` of the pod's ServiceAccount")
	set.StringVar(&c.TokenFile, "token-file", "", "`file` with a token of that ServiceAccount, e.g. of kubectl create token --audience api://AzureADTokenExchange")
	set.StringVar(&c.SecretsDir, "secrets-dir", "", "`directory` with one file per key of the Secret that nodePublishSecretRef would name")
	set.Func("emulator", "use an Azure of our own instead: \"demo\", or a `state` file of strongroom emulator", func(v string) error {
		c.Emulator = v
		return nil
	})
	set.DurationVar(&c.Timeout, "timeout", time.Minute, "how long the whole may take")
	return c
}

// outcome is what came of a class: what the driver's own path recorded, and what played a part of the cluster in it.
type outcome struct {
	publish.Record
	standIn string
}

// decided says whether there is anything to tell but the error.
func (o outcome) decided() bool { return o.Report.Why != "" }

// run publishes the class once into volumes. The outcome tells as far as it got, with an error too.
func (c *onceConfig) run(ctx context.Context, target string, volumes publish.Volumes) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	class, err := c.class()
	if err != nil {
		return outcome{}, err
	}
	mode, err := c.mode(class)
	if err != nil {
		return outcome{}, err
	}
	session, err := c.emulate()
	if err != nil {
		return outcome{}, err
	}
	var o outcome
	err = session.during(ctx, func(ctx context.Context) error {
		o, err = c.publish(ctx, class, target, volumes, session)
		return err
	})
	if c.Emulator != "" && !c.provesItself(mode) {
		o.standIn = standsIn(mode)
	}
	return o, err
}

// mode finds out which identity the class asks for, and whether the command line brings the proof that a kubelet would.
// A class that does not decode is left to the provider, which says why.
func (c *onceConfig) mode(class secretsstore.Class) (secret.Mode, error) {
	request, err := decodeWithStandIns(class, c.azure.CloudName, c.azure.Split)
	if err != nil || class.Spec.Provider != providerName {
		return "", nil
	}
	identity := request.Identity
	switch {
	case c.provesItself(identity.Mode):
	case identity.Assertion != nil && c.Emulator == "":
		return identity.Mode, fault.New(fault.Invalid, "--token-file", "%s presents a service account token, and none is given", identity.Mode).
			Mend("kubectl create token %s --namespace %s --audience %s > token, and --token-file token", c.Account, c.Namespace, identity.Assertion.Audience)
	case identity.Credential != nil && c.Emulator != demoName:
		return identity.Mode, fault.New(fault.Invalid, "--secrets-dir", "a service principal needs the Secret of nodePublishSecretRef, and none is given").
			Mend("put its keys (clientid and clientsecret or clientcertificate) as files into a directory, and --secrets-dir DIRECTORY")
	}
	return identity.Mode, nil
}

// provesItself says whether the command line brings the mode's proof.
func (c *onceConfig) provesItself(mode secret.Mode) bool {
	switch mode {
	case secret.WorkloadIdentity, secret.IdentityBinding:
		return c.TokenFile != ""
	case secret.ServicePrincipal:
		return c.SecretsDir != ""
	}
	return false
}

func (c *onceConfig) publish(ctx context.Context, class secretsstore.Class, target string, volumes publish.Volumes, session *session) (o outcome, err error) {
	v := publish.Volume{
		ID: "cli", Target: target, Class: class.Metadata.Name,
		Pod: secret.Pod{Namespace: c.Namespace, Name: c.Pod, UID: "cli", ServiceAccount: c.Account},
	}
	if v.Secrets, err = c.secrets(); err != nil {
		return o, err
	}
	if v.Tokens, err = c.tokens(session); err != nil {
		return o, err
	}
	parts, err := c.azure.build(nil)
	if err != nil {
		return o, err
	}
	defer parts.clients.Close()
	publisher := publish.New(publish.Config{
		Classes: oneClass{class}, Providers: onlyAzure{parts.provider}, Volumes: volumes,
		Clock: clock.Real{}, Recorder: recorderFunc(func(r publish.Record) { o.Record = r }),
	})
	if err = publisher.Publish(ctx, v); err == nil {
		err = o.Err // a kubelet is told that all is well while the files of an earlier mount stand; a person is not
	}
	return o, unwrapped(err)
}

// unwrapped takes off the words around a provider's error that are for a pod's events.
func unwrapped(err error) error {
	var e *fault.Error
	if errors.As(err, &e) && e.Subject == "" && e.Remedy == "" && e.Cause != nil {
		return e.Cause
	}
	return err
}

func (c *onceConfig) class() (secretsstore.Class, error) {
	if c.File == "" {
		return secretsstore.Class{}, errUsage{errors.New("-f FILE is required")}
	}
	classes, err := manifest.ReadFile(c.File)
	if err != nil {
		return secretsstore.Class{}, err
	}
	return manifest.One(classes, c.Class)
}

func (c *onceConfig) emulate() (*session, error) {
	if c.Emulator == "" {
		return &session{}, nil
	}
	return newSession(c.Emulator, c.azure)
}

// secrets reads the directory the way a Secret is mounted: one file per key, dot files aside.
func (c *onceConfig) secrets() (map[string]secret.Value, error) {
	switch {
	case c.SecretsDir == "" && c.Emulator == demoName:
		return demoCredential(), nil
	case c.SecretsDir == "":
		return nil, nil
	}
	entries, err := os.ReadDir(c.SecretsDir)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "--secrets-dir", "cannot be read")
	}
	values := map[string]secret.Value{}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(c.SecretsDir, entry.Name()))
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "--secrets-dir", "a key cannot be read")
		}
		values[entry.Name()] = secret.NewValue(data)
	}
	return values, nil
}

// tokens makes the kubelet's JSON of the token file, under every audience the file's token is for; with an emulator
// and no file its stand-in for a cluster mints them.
func (c *onceConfig) tokens(session *session) (secret.Value, error) {
	if c.TokenFile == "" {
		return session.tokens(c.Namespace, c.Account)
	}
	raw, err := os.ReadFile(c.TokenFile)
	if err != nil {
		return secret.Value{}, fault.Wrap(err, fault.Invalid, "--token-file", "cannot be read")
	}
	token := strings.TrimSpace(string(raw))
	audiences, expires, err := audiencesOf(token)
	if err != nil {
		return secret.Value{}, err
	}
	return kubeletTokens(audiences, func(string) (string, time.Time, error) { return token, expires, nil })
}

// oneClass finds the class it holds, whatever is asked for.
type oneClass struct{ class secretsstore.Class }

func (c oneClass) Class(context.Context, string, string) (secretsstore.Class, error) {
	return c.class, nil
}

// onlyAzure is the in-process provider under its one name.
type onlyAzure struct{ provider provider.Provider }

func (o onlyAzure) Provider(name string) (provider.Provider, error) {
	if !strings.EqualFold(name, providerName) {
		return nil, fault.New(fault.Unsupported, "spec.provider", "only classes of the provider azure can be mounted without a cluster, not %q", cmp.Or(name, "(none)"))
	}
	return o.provider, nil
}

type recorderFunc func(publish.Record)

func (f recorderFunc) Published(r publish.Record) { f(r) }
func (recorderFunc) Unpublished(string, error)    {}
func (recorderFunc) Forgotten(string)             {}
