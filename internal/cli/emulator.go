package cli

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"strongroom/internal/emulator"
	"strongroom/internal/emulator/state"
	"strongroom/internal/fault"
)

// demoName stands for the built-in state where a state file is asked for.
const demoName = "demo"

// emulatorConfig is the emulator's command line.
type emulatorConfig struct {
	File      string // the declarative state
	StateFile string // where vault contents are kept between runs; empty is memory only
	OutDir    string // where ca.pem, cloud.json and endpoints.json are written
	JSON      bool
	addresses emulator.Addresses
}

func emulatorFlags(set *flag.FlagSet) *emulatorConfig {
	c := &emulatorConfig{}
	c.addresses.IMDS = map[string]string{}
	set.StringVar(&c.File, "file", demoName, "declarative state `file` (YAML), or \"demo\" for what the examples need")
	set.StringVar(&c.StateFile, "state", "", "keep vault contents and the CA in this `file`, in clear text for its owner alone; empty is memory only")
	set.StringVar(&c.OutDir, "out", "", "write ca.pem, cloud.json and endpoints.json into this `directory`")
	set.BoolVar(&c.JSON, "json", false, "print the endpoints as one JSON object instead of in words")
	set.StringVar(&c.addresses.TLS, "listen", "127.0.0.1:0", "`address` of all https names; port 0 picks one, on 443 the names carry no port")
	set.StringVar(&c.addresses.Proxy, "proxy", "127.0.0.1:0", "`address` of the CONNECT proxy for programs that only know HTTPS_PROXY")
	set.StringVar(&c.addresses.Control, "control", "127.0.0.1:0", "loopback `address` of the control endpoint")
	set.StringVar(&c.addresses.NMI, "nmi", "127.0.0.1:0", "`address` of the stand-in for NMI's host endpoint")
	set.Func("imds", "`node=address` of a node's metadata service; may be repeated", func(v string) error {
		node, address, ok := strings.Cut(v, "=")
		if !ok {
			return fmt.Errorf("%q is not node=address", v)
		}
		c.addresses.IMDS[node] = address
		return nil
	})
	return c
}

func runEmulator(ctx context.Context, p Process) error {
	set := flags(p, "emulator", "emulator [--file FILE] [flags]")
	c := emulatorFlags(set)
	if err := parse(set, p, false); err != nil {
		return err
	}
	em, err := newEmulator(c.File, emulator.Config{Addresses: c.addresses, StateFile: c.StateFile})
	if err != nil {
		return err
	}
	if err := c.announce(p.Stdout, em); err != nil {
		_ = em.Close()
		return err
	}
	return em.Run(ctx)
}

// newEmulator binds an emulator with the state that a name stands for: "demo" or a file.
func newEmulator(file string, config emulator.Config) (*emulator.Emulator, error) {
	text, dir := demoState, os.DirFS("/")
	if file != demoName {
		var err error
		if text, err = os.ReadFile(file); err != nil {
			return nil, fault.Wrap(err, fault.NotFound, file, "the state file cannot be read").Mend(`the name "demo" stands for the built-in one`)
		}
		dir = os.DirFS(filepath.Dir(file))
	}
	document, err := state.Parse(text, dir)
	if err != nil {
		return nil, err
	}
	config.Document = document
	return emulator.New(config)
}

// announce says where everything is: for people on the terminal, for programs in files or as JSON.
func (c *emulatorConfig) announce(w io.Writer, em *emulator.Emulator) error {
	ends := em.Endpoints()
	text, err := json.MarshalIndent(ends, "", "  ")
	if err != nil {
		return fault.Wrap(err, fault.Internal, "endpoints", "cannot be printed")
	}
	if c.OutDir != "" {
		if err := writeOut(c.OutDir, em, append(text, '\n')); err != nil {
			return fault.Wrap(err, fault.Invalid, "--out", "cannot be written")
		}
	}
	if c.JSON {
		_, err = fmt.Fprintf(w, "%s\n", text)
		return err
	}
	sayEndpoints(w, ends)
	return nil
}

// writeOut writes endpoints.json last and in one piece: a script that waits for it finds all of it, and the rest.
func writeOut(dir string, em *emulator.Emulator, endpoints []byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	last := filepath.Join(dir, "endpoints.json")
	for _, file := range []struct {
		path string
		text []byte
	}{{filepath.Join(dir, "ca.pem"), em.CA()}, {filepath.Join(dir, "cloud.json"), em.CloudFile()}, {last + ".new", endpoints}} {
		if err := os.WriteFile(file.path, file.text, 0o644); err != nil {
			return err
		}
	}
	return os.Rename(last+".new", last)
}

// sayEndpoints tells people where everything is and how its names resolve.
func sayEndpoints(w io.Writer, ends emulator.Endpoints) {
	row := func(name, value string) { fmt.Fprintf(w, "  %-11s %s\n", name, value) }
	fmt.Fprintln(w, "An Azure of your own is serving:")
	row("authority", ends.Authority+"/<tenant>")
	row("vaults", "https://<name>."+ends.VaultSuffix)
	row("machines", ends.ResourceManager+"  (Azure Resource Manager, for the identities of nodes)")
	row("issuer", ends.Issuer+"  (stands in for a cluster's service account tokens)")
	row("token proxy", ends.TokenProxy+"  (identity binding)")
	for _, node := range slices.Sorted(maps.Keys(ends.IMDS)) {
		row("metadata", ends.IMDS[node]+"  (IMDS of "+node+")")
	}
	row("nmi", ends.NMI+"  (stands in for NMI's host endpoint)")
	row("control", ends.Control+"/_emulator/  (requests, faults, CA, tokens; its help is there)")
	fmt.Fprintln(w, "Names: everything below azure.localhost is this machine. Strongroom, browsers, curl and systemd-resolved know that;")
	fmt.Fprintf(w, "a program that does not: HTTPS_PROXY=%s, which also plays Azure's public names and refuses all others.\n", ends.Proxy)
	fmt.Fprintf(w, "Trust: curl -s %s/_emulator/ca.pem > ca.pem, then SSL_CERT_FILE=ca.pem (Go), NODE_EXTRA_CA_CERTS=ca.pem (Node), --ca-file ca.pem (Strongroom).\n", ends.Control)
}
