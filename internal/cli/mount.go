package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"strongroom/internal/fault"
	"strongroom/internal/volume"
)

// runMount is the driver's own path with a plain directory at its end.
func runMount(ctx context.Context, p Process) error {
	set := flags(p, "mount", "mount -f FILE --target DIRECTORY [flags]")
	once := onceFlags(set, p)
	target := set.String("target", "", "`directory` to write the files into (required); it is made when missing")
	if err := parse(set, p, false); err != nil {
		return err
	}
	if *target == "" {
		return errUsage{errors.New("--target DIRECTORY is required")}
	}
	absolute, err := filepath.Abs(*target)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "--target", "is no path")
	}
	o, err := once.run(ctx, absolute, volume.New(volume.Config{Mount: volume.Plain}))
	if !o.decided() {
		return err
	}
	if err != nil {
		printReport(p.Stderr, o, nil)
		return brief(o, err)
	}
	files, err := onDisk(absolute)
	if err != nil {
		return err
	}
	printReport(p.Stdout, o, files)
	fmt.Fprintf(p.Stdout, "%s %s (a plain directory on disk, where a cluster would have a tmpfs)\n", written(o.Change.Changed), absolute)
	return nil
}

func written(changed bool) string {
	if changed {
		return "written to"
	}
	return "nothing to change in"
}
