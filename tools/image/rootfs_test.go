package main

import (
	"crypto/x509"
	"encoding/pem"
	"testing"
)

func TestAuthorities(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for rest := authorities(); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		root, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		names[root.Subject.CommonName] = true
	}
	// Those that Azure's public names have been signed by for years.
	for _, name := range []string{"DigiCert Global Root G2", "Microsoft RSA Root Certificate Authority 2017"} {
		if !names[name] {
			t.Errorf("%s is not among the %d that are trusted", name, len(names))
		}
	}
}

func TestEpoch(t *testing.T) {
	t.Parallel()
	if at, err := epoch(""); err != nil || at.Unix() != 0 {
		t.Errorf("nothing is %v, %v", at, err)
	}
	if at, err := epoch("1700000000"); err != nil || at.Unix() != 1700000000 {
		t.Errorf("a number is %v, %v", at, err)
	}
	for _, bad := range []string{"yesterday", "-1"} {
		if _, err := epoch(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
