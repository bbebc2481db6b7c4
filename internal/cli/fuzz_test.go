package cli

import (
	"encoding/base64"
	"strings"
	"testing"

	"strongroom/internal/fault"
)

// A token file that is taken names its audiences; of one that is refused nothing is told.
func FuzzTokenFile(f *testing.F) {
	f.Add([]byte(`{"aud":["a","b"],"exp":1900000000}`), "eyJh")
	f.Add([]byte(`{"aud":"a","exp":1e99}`), "Pl4ntedS3cret")
	f.Add([]byte(`{"aud":{}}`), ".")
	f.Fuzz(func(t *testing.T, claims []byte, around string) {
		raw := around + "." + base64.RawURLEncoding.EncodeToString(claims) + "." + "Pl4ntedS3cret"
		audiences, _, err := audiencesOf(raw)
		if err != nil && (fault.KindOf(err) != fault.Invalid || audiences != nil || strings.Contains(fault.Explain(err), "Pl4ntedS3cret")) {
			t.Errorf("%v: %v", audiences, err)
		}
	})
}

// An exception that is taken names a namespace and a label: an empty one would except every pod.
func FuzzExceptions(f *testing.F) {
	for _, text := range []string{"kube-system/app.kubernetes.io/component=mic", "a/b=c,d/e=", "/b=c", "a/=c", "a", ",", "a/b=c=d"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := exceptionsOf(text)
		for _, one := range list {
			if err == nil && (one.Namespace == "" || len(one.PodLabels) != 1 || one.PodLabels[""] != "") {
				t.Errorf("%+v", one)
			}
		}
		if err != nil && list != nil {
			t.Errorf("%+v beside %v", list, err)
		}
	})
}
