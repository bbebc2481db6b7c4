// Licenses writes THIRD_PARTY.md, or with -check says whether it is as it would be written.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"strongroom/tools/thirdparty"
)

func main() {
	check := flag.Bool("check", false, "write nothing, and fail when the file would change")
	source := flag.String("source", "..", "`directory` of the product's module")
	flag.Parse()
	if err := run(*source, *check); err != nil {
		fmt.Fprintln(os.Stderr, "licenses:", err)
		os.Exit(1)
	}
}

func run(source string, check bool) error {
	modules, err := thirdparty.All(source, ".")
	if err != nil {
		return err
	}
	page, path := thirdparty.Page(modules), filepath.Join(source, "THIRD_PARTY.md")
	if check {
		have, err := os.ReadFile(path)
		if err == nil && string(have) != page {
			err = fmt.Errorf("%s is not what is linked now: make licenses", path)
		}
		return err
	}
	fmt.Println(len(modules), "modules, all of licences that are allowed")
	return os.WriteFile(path, []byte(page), 0o644)
}
