package attack

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"strongroom/internal/clock"
	"strongroom/internal/provider"
)

// outage is a vault that is down, its authority too or not.
func (f *fakeAzure) outage(kinds string) { f.on(only(kinds, status(503))) }

// turnedNode is a node whose clock the test turns; allowed is the operator's bound on last known good.
func turnedNode(t *testing.T, allowed time.Duration) (*node, *clock.Fake) {
	turned := clock.NewFake()
	return newNode(t, func(s *settings) {
		s.clock, s.share.MaxWait, s.azure.LastKnownGood = turned, -1, allowed
	}), turned
}

func TestAFirstMountGetsLastKnownGoodOnlyFromClassAndOperatorTogether(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		operator time.Duration
		class    string
		age      time.Duration
		down     string
		served   bool
	}{
		"both":                     {time.Hour, "1h", 10 * time.Minute, "secrets", true},
		"both, and no authority":   {time.Hour, "1h", 10 * time.Minute, "secrets token", true},
		"too old for the class":    {time.Hour, "5m", 10 * time.Minute, "secrets", false},
		"too old for the operator": {5 * time.Minute, "1h", 10 * time.Minute, "secrets", false},
		"the class alone":          {0, "1h", time.Minute, "secrets", false},
		"the operator alone":       {time.Hour, "", time.Minute, "secrets", false},
		"neither":                  {0, "", time.Second, "secrets token", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, turned := turnedNode(t, test.operator)
			class := parameters(secrets("a"), "lastKnownGood", test.class)
			n.pod(class).mustMount()
			turned.Advance(test.age)
			n.azure.outage(test.down)
			p := n.pod(class)
			err := p.mount()
			if !test.served {
				p.refused(err, codes.Unavailable, codes.ResourceExhausted)
				return
			}
			must(t, err)
			if r := p.last(); len(r.Report.Objects) != 1 || r.Report.Objects[0].State != provider.Stale || r.Age < test.age {
				t.Errorf("the recorder was not told: %+v", r)
			}
			if p.files()["a"] == "" {
				t.Error("no content")
			}
		})
	}
}

// To lose a mount is to begin anew: what the driver remembers of an earlier one does not make it a mounted volume.
func TestAVolumeThatLostItsMountIsAFirstMountAgain(t *testing.T) {
	t.Parallel()
	n, turned := turnedNode(t, 0)
	p := n.pod(parameters(secrets("a")))
	p.mustMount()
	must(t, os.RemoveAll(p.target)) // the node's doing, not the kubelet's: nobody called unpublish
	turned.Advance(time.Hour)
	p.tokens = n.tokens("shop", "web")
	n.azure.outage("secrets")
	p.refused(p.mount(), codes.Unavailable, codes.ResourceExhausted)
}

// During an outage a mounted volume keeps what it has. What another volume had is not its own: a class that is changed to
// name something else must not bring content of any age into it.
func TestAMountedVolumeKeepsItsOwnContentAndGetsNobodyElses(t *testing.T) {
	t.Parallel()
	n, turned := turnedNode(t, 0)
	p := n.pod(parameters(secrets("a")))
	p.mustMount()
	n.pod(parameters(secrets("b"))).mustMount()
	n.azure.set("a", "newer", strings.Repeat("2", 32))
	turned.Advance(time.Second)
	n.pod(parameters(secrets("a"))).mustMount() // the pool's last known good is now newer than what p holds
	before := p.files()
	turned.Advance(30 * time.Minute)
	n.azure.outage("secrets")

	n.reclass(p, parameters(secrets("a", "b")))
	must(t, p.mount())
	if r := p.last(); r.Err == nil || r.Failing.IsZero() {
		t.Errorf("told: %+v", r)
	}
	if files := p.files(); len(files) != 1 || files["a"] != before["a"] {
		t.Errorf("files: %v", files)
	}
	n.azure.on(nil)
	turned.Advance(10 * time.Minute)
	must(t, p.mount()) // one object is the probe that ends the pause, and the other is turned away meanwhile
	p.mustMount()
	if files := p.files(); len(files) != 2 || files["a"] != "newer" || !p.last().Recovered {
		t.Errorf("files: %v, told: %+v", files, p.last())
	}
}

// A refusal erases: neither the refused pod nor any other of its identity finds the content again in an outage.
func TestARefusalErasesAndAnOutageKeeps(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kinds  string
		lie    lie
		erases bool
	}{
		"vault 403":                  {"secrets", status(403), true},
		"vault 404":                  {"secrets", status(404), true},
		"vault 401":                  {"secrets", status(401), true},
		"vault 500":                  {"secrets", status(500), false},
		"vault 429":                  {"secrets", status(429), false},
		"vault 408":                  {"secrets", status(408), false},
		"vault cut":                  {"secrets", cut, false},
		"vault nonsense":             {"secrets", body("{"), false},
		"vault redirect":             {"secrets", elsewhere(302, "https://evil.other.localhost/"), false},
		"authority 400":              {"token", status(400), true},
		"authority 401":              {"token", status(401), true},
		"authority unknown tenant":   {"token", body400(`{"error":"invalid_request","error_codes":[90002]}`), true},
		"authority 429":              {"token", status(429), false},
		"authority 500":              {"token", status(500), false},
		"authority 408":              {"token", status(408), false},
		"authority timed out inside": {"token", body400(`{"error":"x","error_codes":[90033]}`), false},
		"authority nonsense":         {"token", body("{"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, turned := turnedNode(t, 24*time.Hour)
			class := parameters(secrets("a"), "lastKnownGood", "24h")
			mounted := n.pod(class)
			mounted.mustMount()
			turned.Advance(2 * time.Hour) // the token has run out
			mounted.tokens = n.tokens("shop", "web")
			n.azure.on(only(test.kinds, test.lie))
			if err := mounted.mount(); err != nil {
				t.Errorf("republish: %v", err)
			}
			if test.erases && mounted.last().Err == nil {
				t.Errorf("nobody was told")
			}
			if len(mounted.files()) != 1 {
				t.Errorf("files: %v", mounted.files())
			}
			n.azure.outage("secrets token")
			turned.Advance(10 * time.Minute)
			p := n.pod(class)
			if err := p.mount(); (err != nil) != test.erases {
				t.Errorf("a new pod in an outage: %v", err)
			}
		})
	}
}

func body400(text string) lie {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400)
		body(text)(w, r)
	}
}

func TestAnOutageIsToldWithItsAgeUntilItEnds(t *testing.T) {
	t.Parallel()
	n, turned := turnedNode(t, 0)
	p := n.pod(parameters(secrets("a")))
	p.mustMount()
	n.azure.outage("secrets")
	began := turned.Now()
	for i := range 3 {
		turned.Advance(20 * time.Minute)
		p.tokens = n.tokens("shop", "web")
		must(t, p.mount())
		stale := time.Duration(i+1) * 20 * time.Minute
		r := p.last()
		if r.Age < stale || r.Age > stale+time.Minute || (r.Err == nil && r.Report.Objects[0].State != provider.Stale) {
			t.Errorf("after %v: age %v, %v", stale, r.Age, r.Err)
		}
	}
	n.azure.on(nil)
	turned.Advance(20 * time.Minute)
	p.tokens = n.tokens("shop", "web")
	p.mustMount()
	if r := p.last(); r.Age > time.Second || turned.Now().Sub(began) < time.Hour {
		t.Errorf("told: %+v", r)
	}
}
