package cli

import (
	"context"
	"fmt"
	"io"
	"os"

	"strongroom/internal/fault"
	"strongroom/internal/migrate"
)

// runMigrate prints what manifests become, on standard output so that it can be applied or compared, and what differs and
// what Azure must be told on standard error.
func runMigrate(_ context.Context, p Process) error {
	set := flags(p, "migrate", "migrate [FILE|DIRECTORY ...]   (- or nothing is standard input)")
	quiet := set.Bool("quiet", false, "print no notes")
	keep := set.Bool("keep-pod-identity", false, "leave pods with pod identity as they are; FlexVolumes alone are changed")
	var o migrate.Options
	set.StringVar(&o.Namespace, "namespace", "default", "`namespace` of manifests that state none")
	set.StringVar(&o.Issuer, "issuer", "", "`address` of the cluster's service account issuer, for the commands; empty is the shell's $SERVICE_ACCOUNT_ISSUER")
	set.BoolVar(&o.ForceNamespaced, "forceNamespaced", false, "MIC and NMI were told so: bindings serve pods of their own namespace only")
	if err := parse(set, p, true); err != nil {
		return err
	}
	texts, err := manifests(set.Args())
	if err != nil {
		return err
	}
	volumes, notes, err := flexVolumes(texts)
	if err != nil {
		return err
	}
	moved := migrate.Moved{Texts: texts}
	if !*keep {
		if moved, err = migrate.PodIdentity(texts, o); err != nil {
			return err
		}
	}
	if !*quiet {
		for _, note := range append(notes, moved.Notes...) {
			fmt.Fprintf(p.Stderr, "note  %s\n", note)
		}
	}
	for _, command := range moved.Commands {
		fmt.Fprintf(p.Stderr, "run   %s\n", command)
	}
	if err := printTexts(p, moved.Texts); err != nil {
		return err
	}
	if volumes+moved.Pods == 0 {
		return fault.New(fault.NotFound, "", "no volume of the driver azure/kv in %s, and no pod that a binding in there selects", many(len(texts), "file"))
	}
	return nil
}

// flexVolumes changes the FlexVolumes of each text in its place.
func flexVolumes(texts []migrate.Text) (volumes int, notes []string, err error) {
	for i, one := range texts {
		result, err := migrate.FlexVolumes(one.Name, one.Text)
		if err != nil {
			return 0, nil, err
		}
		texts[i].Text = result.Text
		notes, volumes = append(notes, result.Notes...), volumes+result.Volumes
	}
	return volumes, notes, nil
}

func printTexts(p Process, texts []migrate.Text) error {
	for i, one := range texts {
		if i > 0 {
			fmt.Fprintln(p.Stdout, "---")
		}
		if _, err := p.Stdout.Write(one.Text); err != nil {
			return fault.Wrap(err, fault.Internal, "standard output", "cannot be written")
		}
	}
	return nil
}

// manifests reads files and directories of them; - and nothing are standard input.
func manifests(args []string) (texts []migrate.Text, err error) {
	if len(args) == 0 || len(args) == 1 && args[0] == "-" {
		text, err := io.ReadAll(os.Stdin)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "standard input", "cannot be read")
		}
		return []migrate.Text{{Name: "standard input", Text: text}}, nil
	}
	files, err := manifestFiles(args)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fault.Wrap(err, fault.NotFound, file, "cannot be read")
		}
		texts = append(texts, migrate.Text{Name: file, Text: text})
	}
	return texts, nil
}
