// Manifest writes deploy/strongroom.yaml, the installation for "kubectl apply -f".
package main

import (
	"flag"
	"fmt"
	"os"

	"strongroom/tools/chart"
)

func main() {
	chartDir := flag.String("chart", "../deploy/chart", "`directory` of the chart")
	crds := flag.String("crds", "../api/secretsstore/crd", "`directory` of the CRDs")
	out := flag.String("out", "../deploy/strongroom.yaml", "`file` to write")
	flag.Parse()
	text, err := chart.Manifest(*chartDir, *crds)
	if err == nil {
		err = os.WriteFile(*out, []byte(text), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "manifest:", err)
		os.Exit(1)
	}
}
