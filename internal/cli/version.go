package cli

import (
	"context"
	"runtime"
	"runtime/debug"

	"strongroom/api/secretsstore"
)

const driverName = secretsstore.DriverName

// Version is what the build says it is; releases set it with -ldflags -X.
var Version = "dev"

// buildInfo has the keys that scripts for the replaced programs read, in both spellings they used.
func buildInfo() map[string]string {
	commit, date := "unknown", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			switch setting.Key {
			case "vcs.revision":
				commit = setting.Value
			case "vcs.time":
				date = setting.Value
			}
		}
	}
	return map[string]string{
		"version": Version, "buildDate": date,
		"BuildVersion": Version, "GitCommit": commit, "BuildDate": date,
		"goVersion": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH,
	}
}

func runVersion(_ context.Context, p Process) error {
	if err := parse(flags(p, "version", "version"), p, false); err != nil {
		return err
	}
	return printVersion(p)
}

func printVersion(p Process) error {
	return printJSON(p.Stdout, buildInfo())
}
