package cli

import (
	"errors"
	"flag"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"

	"strongroom/internal/fault"
	"strongroom/internal/telemetry"
	"strongroom/internal/unixsock"
)

// socketPath reads an --endpoint as the replaced programs do: "unix://" and a path, in any case. A relative path gets a
// leading slash, since unix://tmp/x.sock is how manifests spell /tmp/x.sock. On Windows it is a path with a drive.
func socketPath(endpoint string) (string, error) {
	path, ok := cutPrefixFold(endpoint, "unix://")
	if !ok || path == "" {
		return "", fault.New(fault.Invalid, "--endpoint", "invalid endpoint: %s", endpoint).Mend("--endpoint unix:///provider/azure.sock")
	}
	if runtime.GOOS == "windows" {
		if path = filepath.Clean(unixsock.WindowsPath(path)); !filepath.IsAbs(path) {
			return "", fault.New(fault.Invalid, "--endpoint", "invalid endpoint: %s: the path has no drive", endpoint).Mend(`--endpoint unix://C:\provider\azure.sock`)
		}
		return path, nil
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return path, nil
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// logFlags are the two log formats and how much is said.
type logFlags struct {
	json      *bool
	verbosity *int
}

func addLogFlags(set *flag.FlagSet) logFlags {
	return logFlags{json: set.Bool("log-format-json", false, "log in JSON"), verbosity: acceptLogFlags(set)}
}

// addOldLogFlags has the spelling of the archived pod identity as well: --log-format=json.
func addOldLogFlags(set *flag.FlagSet) logFlags {
	l := addLogFlags(set)
	set.Func("log-format", "text or json: another spelling of --log-format-json", func(format string) error {
		if format != "text" && format != "json" {
			return errors.New("there are text and json")
		}
		*l.json = format == "json"
		return nil
	})
	return l
}

func (l logFlags) config() telemetry.LogConfig {
	config := telemetry.LogConfig{JSON: *l.json}
	if *l.verbosity > 0 {
		config.Level = slog.LevelDebug
	}
	return config
}

func metricsBackend(set *flag.FlagSet) func() *fault.Error {
	backend := set.String("metrics-backend", "Prometheus", ignored+"; Prometheus is the only one")
	return func() *fault.Error {
		if !strings.EqualFold(*backend, "prometheus") {
			return fault.New(fault.Invalid, "--metrics-backend", "unsupported metrics backend %s", *backend)
		}
		return nil
	}
}
