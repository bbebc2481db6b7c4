package cli

import (
	"context"
	"errors"
	"os"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/flexvolume/install"
	"strongroom/internal/telemetry"
	"strongroom/internal/telemetry/logkey"
)

// runFlexInstall copies this very program to where a kubelet looks for the driver azure/kv, and stays to keep it there.
func runFlexInstall(ctx context.Context, p Process) error {
	set := flags(p, "flexvolume install", "flexvolume install --target-dir DIRECTORY [flags]")
	log := addLogFlags(set)
	dir := set.String("target-dir", p.Getenv("TARGET_DIR"), "the kubelet's `directory` of volume plugins (required)")
	beside := set.String("config", "", "`directory` whose files go beside the program, "+install.Settings+" with the driver's settings among them")
	every := set.Duration("every", time.Minute, "how often what was installed is looked after")
	once := set.Bool("once", false, "install and end")
	remove := set.Bool("remove", false, "take the driver away and end: volumes that are still mounted cannot be unmounted by their kubelet then")
	if err := parse(set, p, false); err != nil {
		return err
	}
	if *dir == "" {
		return errUsage{errors.New("--target-dir DIRECTORY is required")}
	}
	program, err := os.Executable()
	if err != nil {
		return fault.Wrap(err, fault.Internal, "this program", "where it is cannot be found out")
	}
	logger := telemetry.NewLogger(p.Stderr, log.config())
	installer := install.New(install.Config{
		Dir: *dir, Source: program, Beside: *beside, Every: *every, Version: Version, Log: logger, Clock: clock.Real{},
	})
	switch {
	case *remove:
		if err := installer.Remove(); err != nil {
			return err
		}
		logger.Info("FlexVolume driver removed", logkey.Path, *dir)
		return nil
	case *once:
		changed, err := installer.Ensure()
		if err == nil {
			logger.Info("FlexVolume driver installed", logkey.Path, *dir, logkey.Version, Version, "changed", changed)
		}
		return err
	}
	frugal(p)
	return installer.Run(ctx)
}
