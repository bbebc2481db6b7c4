package cli

import (
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"strongroom/internal/fault"
	"strongroom/internal/flexvolume/install"
)

// pathSettings are flags whose value is a file or directory. In the settings file a relative one is beside that file: an
// installer need not know under which path the node sees what it writes.
var pathSettings = []string{"policy", "ca-file", "cloud-file", "cloud-files"}

// readSettings sets the flags that the operator's file names and the command line does not. Without a file nothing is
// set. Everything that is wrong in it is told: a restriction that is misspelt must not be taken for none.
func (c *flexConfig) readSettings() error {
	path := c.Settings
	if path == "" {
		program, err := os.Executable()
		if err != nil {
			return fault.Wrap(err, fault.Internal, install.Settings, "where this program is cannot be found out")
		}
		path = filepath.Join(filepath.Dir(program), install.Settings)
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && c.Settings == "" {
		return c.check()
	}
	if err != nil {
		return fault.Wrap(err, fault.Internal, path, "the settings cannot be read")
	}
	var settings map[string]string
	if json.Unmarshal(text, &settings) != nil {
		return fault.New(fault.Invalid, path, "the settings are not a JSON object whose values are strings").Mend(`{"fetch": "provider"}`)
	}
	if err := c.apply(path, settings); err != nil {
		return err
	}
	return c.check()
}

func (c *flexConfig) apply(path string, settings map[string]string) error {
	given := map[string]bool{"settings": true}
	c.set.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var problems fault.List
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		value := settings[name]
		if slices.Contains(pathSettings, name) && value != "" && !filepath.IsAbs(value) {
			value = filepath.Join(filepath.Dir(path), value)
		}
		switch {
		case c.set.Lookup(name) == nil || name == "settings":
			problems = append(problems, fault.New(fault.Invalid, path, "there is no setting %q", fault.Shorten(name)).Mend("strongroom flexvolume -h lists them"))
		case given[name]:
		case c.set.Set(name, value) != nil:
			problems = append(problems, fault.New(fault.Invalid, path, "setting %s cannot be %q", name, fault.Shorten(value)))
		}
	}
	return problems.AsError()
}

// check finds what could only fail later.
func (c *flexConfig) check() error {
	var problems fault.List
	if _, ok := mountModes[c.Volumes]; !ok {
		problems = append(problems, fault.New(fault.Invalid, "--volumes", "%q is none of tmpfs, plain, auto", c.Volumes))
	}
	if !slices.Contains([]string{fetchAuto, fetchProvider, fetchDirect}, c.Fetch) {
		problems = append(problems, fault.New(fault.Invalid, "--fetch", "%q is none of auto, provider, direct", c.Fetch))
	}
	if c.Timeout <= 0 {
		problems = append(problems, fault.New(fault.Invalid, "--timeout", "%s is not above 0", c.Timeout))
	}
	return problems.AsError()
}
