// Package cli turns a command line into a running program: one file per subcommand, each flags -> config -> build ->
// run. It is the only room that knows all the others, the only one that reads the environment, and the place where an
// error is finally told to a person.
package cli

import (
	"context"
	"fmt"
	"io"
)

// Process is what a subcommand has of the process it runs in.
type Process struct {
	Name   string   // the program's name as it was called; a kubelet calls it kv
	Args   []string // without the program's name
	Stdout io.Writer
	Stderr io.Writer
	Getenv func(string) string
}

// command is one subcommand. run returns nil, flag.ErrHelp, or an error whose kind chooses the exit code.
type command struct {
	name    string
	summary string
	run     func(ctx context.Context, p Process) error
}

func commands() []command {
	return []command{
		{"demo", "show everything working, on this machine alone", runDemo},
		{"mount", "write the files of a SecretProviderClass into a directory, without a cluster", runMount},
		{"explain", "say how a SecretProviderClass would be mounted: identity, vault, objects, files", runExplain},
		{"check", "validate SecretProviderClass manifests offline", runCheck},
		{"driver", "serve the CSI driver " + driverName + " on this node", runDriver},
		{"provider", "serve the Azure provider on its plugin socket", runProvider},
		{"flexvolume", "be the kubelet's FlexVolume driver azure/kv, or install it", runFlexVolume},
		{"controller", "judge every class of a cluster, and take start-up taints off its nodes", runController},
		{"nmi", "serve pods of this node the tokens of the identities bound to them", runNMI},
		{"mic", "put the identities that pods are bound to on their nodes", runMIC},
		{"migrate", "print what manifests with the FlexVolume azure/kv or with pod identity become: CSI volumes, workload identity", runMigrate},
		{"crds", "print the cluster's definitions of our kinds, or apply them", runCRDs},
		{"refresh", "have what a class or a pod mounts fetched anew now", runRefresh},
		{"emulator", "run an Azure of your own: Entra ID, IMDS, Key Vault", runEmulator},
		{"version", "print the version", runVersion},
	}
}

// Run runs the subcommand that the arguments name and returns the process's exit code.
func Run(ctx context.Context, p Process) int {
	if p.Name == flexProgram {
		return finish(ctx, p.Stderr, "flexvolume", runFlexVolume(ctx, p))
	}
	if len(p.Args) == 0 {
		usage(p.Stderr)
		return exitUsage
	}
	name := p.Args[0]
	switch name {
	case "help", "-h", "-help", "--help":
		usage(p.Stdout)
		return 0
	case "--version", "-version":
		name = "version"
	}
	for _, c := range commands() {
		if c.name == name {
			p.Args = p.Args[1:]
			return finish(ctx, p.Stderr, c.name, c.run(ctx, p))
		}
	}
	fmt.Fprintf(p.Stderr, "strongroom: no subcommand %q\n\n", name)
	usage(p.Stderr)
	return exitUsage
}

func usage(w io.Writer) {
	fmt.Fprint(w, "Strongroom puts Azure Key Vault secrets, keys and certificates into Kubernetes pods as files.\n\nUsage: strongroom SUBCOMMAND [flags]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-10s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "\nTry first:         strongroom demo\nFlags of each:     strongroom SUBCOMMAND -h\n")
	fmt.Fprintln(w, "Exit codes:        0 done, 1 internal, 2 usage, 3 invalid manifest or setting, 4 not found, 5 denied,")
	fmt.Fprintln(w, "                   6 expired, 7 throttled, 8 unavailable, 9 busy, 10 not possible here, 130 interrupted")
}
