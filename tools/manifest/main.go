// Manifest writes the installations for "kubectl apply -f" into deploy/.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"strongroom/tools/chart"
)

func main() {
	chartDir := flag.String("chart", "../deploy/chart", "`directory` of the chart")
	apiDir := flag.String("api", "../api", "`directory` with the CRDs")
	out := flag.String("out", "../deploy", "`directory` to write into")
	flag.Parse()
	for _, form := range chart.Forms() {
		text, err := chart.Manifest(*chartDir, *apiDir, form)
		if err == nil {
			err = os.WriteFile(filepath.Join(*out, form.File), []byte(text), 0o644)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "manifest: %s: %v\n", form.File, err)
			os.Exit(1)
		}
	}
}
