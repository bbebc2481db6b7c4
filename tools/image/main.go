// Image builds Strongroom's container image without a container engine and without a network: a static binary on an
// empty base, for every platform, with a list of what is inside.
//
// The same source, Go version and SOURCE_DATE_EPOCH give the same digests on every machine.
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	set := flag.NewFlagSet("image", flag.ContinueOnError)
	source := set.String("source", "..", "`directory` of the product's module")
	out := set.String("out", "../dist", "`directory` to write to")
	name := set.String("name", "localhost/strongroom", "`repository` the image is named after")
	version := set.String("version", "0.1.0", "`version`, also the tag")
	revision := set.String("revision", "", "`commit` the source is of, for the label")
	which := set.String("platforms", "linux/amd64,linux/arm64,windows/amd64", "comma-separated `list`")
	if err := set.Parse(args); err != nil {
		return err
	}
	made, err := epoch(os.Getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return err
	}
	list, err := platforms(*which)
	if err != nil {
		return err
	}
	release := Release{Name: *name, Version: *version, Revision: *revision, Made: made}
	written, err := release.Build(*source, *out, list)
	for _, line := range written {
		fmt.Println(line)
	}
	return err
}

// epoch reads seconds since 1970; empty is 1970 itself.
func epoch(text string) (time.Time, error) {
	if text == "" {
		return time.Unix(0, 0).UTC(), nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH %q is no number of seconds", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
