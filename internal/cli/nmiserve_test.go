package cli

import (
	"net/url"
	"testing"
)

func TestTheMetadataServiceIsAskedInEitherFamily(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]nmiConfig{
		"http://169.254.169.254":    {MetadataIP: "169.254.169.254", MetadataPort: 80},
		"http://127.0.0.1:8080":     {MetadataIP: "127.0.0.1", MetadataPort: 8080},
		"http://[fd00::254]":        {MetadataIP: "fd00::254", MetadataPort: 80},
		"http://[fd00::80]:8080":    {MetadataIP: "fd00::80", MetadataPort: 8080},
		"http://[fd00::254:80]:880": {MetadataIP: "fd00::254:80", MetadataPort: 880},
	} {
		got := c.metadata()
		if u, err := url.Parse(got); got != want || err != nil || u.Hostname() != c.MetadataIP {
			t.Errorf("%s, %v, not %s", got, err, want)
		}
	}
}
