package cli

import "flag"

// acceptLogFlags takes the logging flags that manifests written for the replaced systems pass, so that those
// manifests start. Only -v has a meaning here (above 0: debug); the rest steered files nobody needs in a container.
func acceptLogFlags(set *flag.FlagSet) (verbosity *int) {
	verbosity = set.Int("v", 0, "log `verbosity`; above 0 adds debug lines")
	for _, name := range []string{"logtostderr", "alsologtostderr", "add_dir_header", "one_output", "skip_headers", "skip_log_headers", "legacy_stderr_threshold_behavior"} {
		set.Bool(name, false, ignored)
	}
	for _, name := range []string{"log_file", "log_dir", "log_file_max_size", "stderrthreshold", "vmodule", "log_backtrace_at"} {
		set.String(name, "", ignored)
	}
	return verbosity
}
